"""The CLIP vision encoder (Radford et al. 2021, arXiv:2103.00020; transformers modeling_clip.py)."""

from __future__ import annotations

from ..config import Config
from .encoder_layers import blocks, grid, heads, patches
from .parts import Counted, weight

CLIP = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "num_channels": 3, "image_size": 224, "patch_size": 32,
}  # fmt: skip


def clip_tensors(config: Config) -> Counted:
    """Patches without bias, a class token with a position of its own, a norm before and one behind the layers."""
    config.ignore("projection_dim", "vocab_size")
    width = config.whole("hidden_size")
    heads(config, width)
    yield from weight("class_embedding", width)
    yield from patches(config, width, bias=False)
    yield from weight("position_embedding", grid(config) + 1, width)
    yield from weight("pre_layernorm", width, bias=True)
    yield from blocks(config.whole("num_hidden_layers"), width, config.whole("intermediate_size"))
    yield from weight("post_layernorm", width, bias=True)
