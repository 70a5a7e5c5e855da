"""The SigLIP vision encoder (Zhai et al. 2023, arXiv:2303.15343; transformers modeling_siglip.py)."""

from __future__ import annotations

from collections.abc import Iterator

from ..tensors import Tensor
from .config import Config

VISION_DEFAULTS = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "num_channels": 3, "image_size": 224, "patch_size": 16, "vision_use_head": True,
}  # fmt: skip


def siglip_tensors(config: Config) -> Iterator[tuple[int, Tensor]]:
    """Pairs of (how many times, tensor). Refuses `vision_use_head`, which no supported model keeps."""
    width, mlp = config.whole("hidden_size"), config.whole("intermediate_size")
    layers, patch = config.whole("num_hidden_layers"), config.whole("patch_size")
    channels, side = config.whole("num_channels"), config.whole("image_size") // patch
    config.must_be("vision_use_head", False)
    config.must_be("model_type", "siglip_vision_model")
    config.whole("num_attention_heads")

    def vision(role: str, rows: int, columns: int = 1) -> Tensor:
        return Tensor(f"vision.{role}", rows, columns, part="vision")

    yield 1, vision("patch_embedding", width, channels * patch * patch)
    yield 1, vision("patch_embedding.bias", width)
    yield 1, vision("position_embedding", side * side, width)
    for role in ("q_proj", "k_proj", "v_proj", "out_proj"):
        yield layers, vision(role, width, width)
        yield layers, vision(f"{role}.bias", width)
    yield layers, vision("fc1", mlp, width)
    yield layers, vision("fc1.bias", mlp)
    yield layers, vision("fc2", width, mlp)
    yield layers, vision("fc2.bias", width)
    for role in ("layer_norm1", "layer_norm2"):
        yield layers, vision(role, width)
        yield layers, vision(f"{role}.bias", width)
    yield 1, vision("post_layernorm", width)
    yield 1, vision("post_layernorm.bias", width)
