"""InternLM 3 and IQuest Coder: transformers runs them by Llama's own class, which other keys and defaults lead to."""

from __future__ import annotations

from dataclasses import replace

from ..model_shape import ModelShape
from .config import Config
from .family import Family
from .llama import LLAMA, llama


def internlm3(config: Config) -> ModelShape:
    """Shanghai AI Laboratory 2025; transformers modular_internlm3.py: `qkv_bias` and `bias`, which must be the same."""
    attention, mlp = config.spelled("qkv_bias", "attention_bias"), config.spelled("bias", "mlp_bias")
    biases = config.flag(attention), config.flag(mlp)
    if biases[0] != biases[1]:
        raise config.error(attention, f"differs from {mlp}", "transformers refuses such a model as well")
    return replace(llama(config.changed(attention_bias=biases[0], mlp_bias=biases[1])), modeling="llama")


def iquestcoder(config: Config) -> ModelShape:
    """IQuest 2026; transformers modular_iquestcoder.py."""
    config.must_be("clip_qkv", None)
    config.must_be("use_sliding_window", False)
    return replace(llama(config), modeling="llama")


FAMILIES = (
    Family("internlm3", internlm3, LLAMA | {
        "vocab_size": 128512, "intermediate_size": 10240, "num_hidden_layers": 48, "num_key_value_heads": 2,
        "max_position_embeddings": 32768, "head_dim": 128,
    }),
    Family("iquestcoder", iquestcoder, LLAMA | {
        "vocab_size": 76800, "hidden_size": 5120, "intermediate_size": 27648, "num_hidden_layers": 80,
        "num_attention_heads": 40, "num_key_value_heads": 8, "max_position_embeddings": 131072, "head_dim": 128,
    }),
)  # fmt: skip
