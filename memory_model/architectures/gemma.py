"""Gemma: wide heads, tied embeddings; from Gemma 2 on four norms a layer and windows, from Gemma 3 on a vision tower."""

from __future__ import annotations

from collections.abc import Callable

from ..blocks.mlp import DenseMlp
from ..blocks.norm import norm
from ..model_shape import ModelShape, Tower
from ..tensors import Tensor
from .config import Config
from .decoder import attention, decoder, layer_types, stack, windowed
from .family import Family
from .llama import NORMS as TWO_NORMS
from .multimodal.parts import required
from .multimodal.siglip import VISION_DEFAULTS, siglip_tensors

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


def gemma3_text(config: Config, towers: tuple[Tower, ...] = ()) -> ModelShape:
    """Gemma Team 2025, arXiv:2503.19786: five sliding layers to one full, unless the file says otherwise."""
    key = "sliding_window_pattern" if "sliding_window_pattern" in config.keys else "_sliding_window_pattern"
    pattern = config.whole(key, 6)
    config.must_be("use_bidirectional_attention", False)
    return _gemma(config, lambda i: (i + 1) % pattern != 0, qk_norm="head", towers=towers)


def vaultgemma(config: Config) -> ModelShape:
    """Google 2025, arXiv:2510.15001; transformers modeling_vaultgemma.py: Gemma 2 without the norms behind."""
    return _gemma(config, lambda i: (i + 1) % 2 != 0, qk_norm="", norms=VAULT_NORMS)


def _gemma(
    config: Config,
    slides: Callable[[int], bool],
    *,
    qk_norm: str,
    norms: tuple[str, ...] = NORMS,
    towers: tuple[Tower, ...] = (),
) -> ModelShape:
    bias = config.flag("attention_bias")
    full = attention(config, bias=bias, qk_norm=qk_norm)
    mixers = windowed(full, config.optional("sliding_window"), layer_types(config, slides))
    return decoder(config, stack(config, mixers, DenseMlp(config.whole("intermediate_size")), norms), towers=towers)


def gemma3(config: Config) -> ModelShape:
    """The language model with its SigLIP tower and the projector between them (transformers modeling_gemma3.py)."""
    text = required(config, "text_config", GEMMA3_TEXT)
    vision = required(config, "vision_config", VISION_DEFAULTS)
    width, hidden_size = vision.whole("hidden_size"), text.whole("hidden_size")
    projector = [
        *((1, tensor) for tensor in norm("mm_soft_emb_norm", width)),
        (1, Tensor("mm_input_projection", width, hidden_size, part="vision")),
    ]
    tower = Tower("vision", (*siglip_tensors(vision), *projector))
    if "tie_word_embeddings" in config.keys:
        text = text.changed(tie_word_embeddings=config.flag("tie_word_embeddings"))
    shape = gemma3_text(text, (tower,))
    vision.refuse_unread()
    text.refuse_unread()
    return shape


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
    Family("gemma3", gemma3, {"text_config": {}, "vision_config": {}}),
)
