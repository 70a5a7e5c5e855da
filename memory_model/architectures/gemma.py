"""Gemma: wide heads, tied embeddings; from Gemma 2 on four norms a layer and windows."""

from __future__ import annotations

from collections.abc import Callable

from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, layer_types, stack, windowed
from .family import Family
from .llama import NORMS as TWO_NORMS

NORMS = (
    "input_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
)
VAULT_NORMS = ("input_layernorm", "pre_feedforward_layernorm")


def gemma(config: Config) -> ModelShape:
    """Gemma Team 2024, arXiv:2403.08295; transformers modeling_gemma.py: Llama's layout with wide heads."""
    config.must_be("use_bidirectional_attention", False)
    mixer = attention(config, bias=config.flag("attention_bias"))
    return decoder(config, stack(config, mixer, DenseMlp(config.whole("intermediate_size")), TWO_NORMS))


def gemma2(config: Config) -> ModelShape:
    """Gemma Team 2024, arXiv:2408.00118: every other layer slides, the first one included."""
    return _gemma(config, lambda i: (i + 1) % 2 != 0, qk_norm="")


def gemma3_text(config: Config) -> ModelShape:
    """Gemma Team 2025, arXiv:2503.19786: five sliding layers to one full, unless the file says otherwise."""
    pattern = config.whole(config.spelled("sliding_window_pattern", "_sliding_window_pattern"), 6)
    config.must_be("use_bidirectional_attention", False)
    return _gemma(config, lambda i: (i + 1) % pattern != 0, qk_norm="head")


def vaultgemma(config: Config) -> ModelShape:
    """Google 2025, arXiv:2510.15001; transformers modeling_vaultgemma.py: Gemma 2 without the norms behind."""
    return _gemma(config, lambda i: (i + 1) % 2 != 0, qk_norm="", norms=VAULT_NORMS)


def _gemma(
    config: Config,
    slides: Callable[[int], bool],
    *,
    qk_norm: str,
    norms: tuple[str, ...] = NORMS,
) -> ModelShape:
    bias = config.flag("attention_bias")
    full = attention(config, bias=bias, qk_norm=qk_norm)
    mixers = windowed(full, config.optional("sliding_window"), layer_types(config, slides))
    return decoder(config, stack(config, mixers, DenseMlp(config.whole("intermediate_size")), norms))


GEMMA = {
    "model_type": "gemma", "vocab_size": 256000, "hidden_size": 3072, "intermediate_size": 24576,
    "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 256,
    "max_position_embeddings": 8192, "tie_word_embeddings": True,
}  # fmt: skip
GEMMA2 = {
    "model_type": "gemma2", "vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216,
    "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
    "max_position_embeddings": 8192, "tie_word_embeddings": True, "sliding_window": 4096,
}  # fmt: skip
GEMMA3_TEXT = GEMMA2 | {"model_type": "gemma3_text", "vocab_size": 262208, "max_position_embeddings": 131072}

FAMILIES = (
    Family("gemma", gemma, GEMMA),
    Family("gemma2", gemma2, GEMMA2),
    Family("vaultgemma", vaultgemma, GEMMA2 | {"model_type": "vaultgemma"}),
    Family("gemma3_text", gemma3_text, GEMMA3_TEXT),
)
