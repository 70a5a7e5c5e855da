"""What images would add to a workload of text: keys and values of Llama 3.2 Vision's cross-attention."""

from __future__ import annotations

from ...model_shape import ModelShape
from ...tensors import Tensor


def images_left_out(model: ModelShape, value_bytes: int) -> str:
    """How much an image adds to the cache, for models that remember images apart; else nothing.

    Every image is padded to the most tiles, so that each layer keeps the same rows (modeling_mllama.py
    MllamaTextCrossAttention; measured with one image of 560 x 560: 6,404 rows of keys and of values a layer).
    """
    towers = {tower.name: tower.tensors for tower in model.towers}
    if "cross_attention" not in towers or "vision" not in towers:
        return ""
    layers, keys = _one(towers["cross_attention"], "k_proj")
    _, positions = _one(towers["vision"], "vision.position_embedding")
    _, tiles = _one(towers["vision"], "vision.tile_embedding")
    size = layers * 2 * keys.rows * (tiles.columns // positions.columns) * value_bytes
    return f"on text; each image adds {size:,} bytes in {layers} layers of cross-attention, which are not counted"


def _one(tensors: tuple[tuple[int, Tensor], ...], role: str) -> tuple[int, Tensor]:
    return next((copies, tensor) for copies, tensor in tensors if tensor.role == role)
