"""gpt-oss: experts with biases in every layer, attention sinks, every other layer slides over 128 tokens."""

from __future__ import annotations

from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, layer_types, mixture, stack, windowed
from .family import Family
from .llama import NORMS


def gpt_oss(config: Config) -> ModelShape:
    """OpenAI 2025, arXiv:2508.10925; transformers modeling_gpt_oss.py."""
    bias = config.flag("attention_bias", otherwise=True)
    kinds = layer_types(config, lambda i: (i + 1) % 2 != 0)
    mixers = windowed(attention(config, bias=bias, sinks=True), config.optional("sliding_window"), kinds)
    moe = mixture(config, "num_local_experts", width="intermediate_size", expert_bias=True, router_bias=True)
    config.optional("experts_per_token")  # repeats num_experts_per_tok
    return decoder(config, stack(config, mixers, moe, NORMS))


FAMILIES = (
    Family("gpt_oss", gpt_oss, {
        "vocab_size": 201088, "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 36,
        "num_local_experts": 128, "num_experts_per_tok": 4, "head_dim": 64, "num_attention_heads": 64,
        "num_key_value_heads": 8, "sliding_window": 128, "max_position_embeddings": 131072,
        "tie_word_embeddings": False, "attention_bias": True,
    }),
)  # fmt: skip
