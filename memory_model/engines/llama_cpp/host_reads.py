"""Bytes that operations on a GPU read of a file's tensors and of a cache in host memory."""

from __future__ import annotations

from ...blocks.latent_attention import LatentAttention
from ...gguf_tensors import GgufTensor
from ...number_formats import NumberFormat
from .cache import ROW
from .decoder_graph import Layer
from .graph import Tensor
from .prompt import Settings


def tensor_bytes(tensor: GgufTensor, formats: dict[str, NumberFormat]) -> int:
    """A tensor of a file as it is copied."""
    plane = formats[tensor.type].planes[0]
    return tensor.copies * tensor.rows * tensor.columns // plane.columns * plane.bits // 8


def cells_read(node: Tensor, layer: Layer, settings: Settings, formats: tuple[NumberFormat, ...]) -> tuple[int, ...]:
    """Bytes of a layer's cache that a node reads."""
    plane = {number_format.name: number_format.planes[0] for number_format in formats}
    cells = settings.streams * (settings.window_cells if layer.window else settings.cells)
    mixer = getattr(layer.mixer, "attention", layer.mixer)
    keys, values = getattr(mixer, "key_width", 0), getattr(mixer, "value_width", 0)
    if isinstance(mixer, LatentAttention):
        keys = values = mixer.kv_lora_rank + mixer.qk_rope_head_dim
    reads = {"attention scores": (1, 0), "attention output by heads": (0, 1)}
    of_keys, of_values = reads.get(node.name, (1, 1))
    width = getattr(mixer, "head_dim", keys)
    found = []
    for each, name in ((of_keys * keys, settings.key_format), (of_values * values, settings.value_format)):
        if each:
            size = cells * each * plane[name].bits // (8 * plane[name].columns)
            room = -width % ROW if plane[name].columns > 1 else 0
            found.append(size + room * plane[name].bits // (8 * plane[name].columns))
    return tuple(found)
