"""The SigLIP vision encoders (Zhai et al. 2023, arXiv:2303.15343; transformers modeling_siglip.py, modeling_siglip2.py)."""

from __future__ import annotations

from ..config import Config
from .encoder_layers import siglip_blocks, siglip_positions
from .parts import Counted, weight

VISION_DEFAULTS = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "num_channels": 3, "image_size": 224, "patch_size": 16, "vision_use_head": True,
}  # fmt: skip
SIGLIP2 = VISION_DEFAULTS | {"num_patches": 256}


def siglip_tensors(config: Config) -> Counted:
    """Pairs of (how many times, tensor)."""
    config.must_be("model_type", "siglip_vision_model")
    yield from siglip_positions(config)
    yield from siglip_blocks(config)
    yield from _pooling_head(config)


def siglip2_tensors(config: Config) -> Counted:
    """SigLIP 2 (Tschannen et al. 2025, arXiv:2502.14786): patches of any aspect, positions for `num_patches` of them."""
    config.ignore("image_size")
    width, side = config.wholes("hidden_size", "patch_size")
    yield from weight("patch_embedding", width, config.whole("num_channels") * side * side, bias=True)
    yield from weight("position_embedding", config.whole("num_patches"), width)
    yield from siglip_blocks(config)
    yield from _pooling_head(config)


def _pooling_head(config: Config) -> Counted:
    """`vision_use_head`: attention from a learned probe, and an MLP; stored, though no language model reads it."""
    if not config.flag("vision_use_head"):
        return
    width = config.whole("hidden_size")
    yield from pooling_head(width, config.whole("intermediate_size"))


def pooling_head(width: int, mlp: int) -> Counted:
    """SiglipMultiheadAttentionPoolingHead."""
    yield from weight("head.probe", width)
    yield from weight("head.in_proj", 3 * width, width, bias=True)
    yield from weight("head.out_proj", width, width, bias=True)
    yield from weight("head.layernorm", width, bias=True)
    yield from weight("head.fc1", mlp, width, bias=True)
    yield from weight("head.fc2", width, mlp, bias=True)
