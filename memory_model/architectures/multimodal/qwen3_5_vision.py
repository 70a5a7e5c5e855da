"""The vision tower of Qwen3.5 (transformers modeling_qwen3_5.py, Qwen3_5VisionModel)."""

from __future__ import annotations

from ..config import Config
from .parts import Counted, matrix, scale

VISION_DEFAULTS = {
    "depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16, "in_channels": 3, "patch_size": 16,
    "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 3584, "num_position_embeddings": 2304,
}  # fmt: skip


def vision_tensors(config: Config, model_type: str) -> Counted:
    """Patches, positions, blocks, and the merger into the text's hidden size."""
    config.must_be("model_type", model_type, f"{model_type}_vision")
    config.must_be("deepstack_visual_indexes", [])
    config.whole("num_heads")
    width, mlp, blocks = config.whole("hidden_size"), config.whole("intermediate_size"), config.whole("depth")
    patch = config.whole("in_channels") * config.whole("temporal_patch_size") * config.whole("patch_size") ** 2
    merged = width * config.whole("spatial_merge_size") ** 2
    yield from matrix("vision", 1, "patch_embed", width, patch, bias=True)
    yield from matrix("vision", 1, "pos_embed", config.whole("num_position_embeddings"), width)
    for role in ("norm1", "norm2"):
        yield from scale("vision", blocks, role, width, bias=True)
    yield from matrix("vision", blocks, "qkv", 3 * width, width, bias=True)
    yield from matrix("vision", blocks, "proj", width, width, bias=True)
    yield from matrix("vision", blocks, "linear_fc1", mlp, width, bias=True)
    yield from matrix("vision", blocks, "linear_fc2", width, mlp, bias=True)
    yield from scale("vision", 1, "merger.norm", width, bias=True)
    yield from matrix("vision", 1, "merger.linear_fc1", merged, merged, bias=True)
    yield from matrix("vision", 1, "merger.linear_fc2", config.whole("out_hidden_size"), merged, bias=True)
