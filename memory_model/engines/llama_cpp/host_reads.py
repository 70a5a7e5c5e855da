"""Bytes that operations on a GPU read of a file's tensors and of a cache in host memory."""

from __future__ import annotations

from ...blocks.compressed_attention import CompressedAttention
from ...blocks.latent_attention import LatentAttention
from ...blocks.sparse_attention import BlockSparseAttention
from ...gguf.tensors import GgufTensor
from ...number_formats import Formats, Plane
from .cache import ROW
from .file_reads import LAST, SCORES
from .graph import FLOAT32, Tensor
from .prompt import FAR, HALF, NEAR, Settings, held_rows
from .stack import Layer


def tensor_bytes(tensor: GgufTensor, formats: Formats) -> int:
    """A tensor of a file as it is copied to a GPU, with room for a row of 512 values where it is quantised."""
    plane = formats[tensor.type].planes[0]
    values = tensor.copies * tensor.rows * tensor.columns
    room = -tensor.columns % ROW if plane.columns > 1 else 0
    return (values + room) // plane.columns * plane.bits // 8


def cells_read(node: Tensor, layer: Layer, settings: Settings, formats: Formats, widest: int) -> tuple[int, ...]:
    """Bytes of a layer's cache that a node reads, of keys and of values, as a GPU, or the host, holds a copy of them.

    `widest`: values of one cell in the widest layer, for which there is room in all but the last stream of transposed ones.
    """
    on_host = {LAST: settings.fused_on_host, SCORES: settings.indexes_on_host}.get(node.name)
    room = _no_room if on_host and on_host(layer.mixer) else _room
    of_stream = settings.window_cells if layer.window else settings.cells
    cells = settings.streams * of_stream
    keys, values = (formats[name].planes[0] for name in (settings.key_format, settings.value_format))
    mixer = getattr(layer.mixer, "attention", layer.mixer)
    if isinstance(mixer, CompressedAttention):
        return _rows_read(node, mixer, settings, keys)
    if isinstance(mixer, BlockSparseAttention) and settings.picked:
        gathered = settings.tokens == settings.streams
        cells = cells if gathered else of_stream
        widths = {"indexer keys by position": (keys, mixer.index_head_dim, mixer.index_head_dim)}
        rows = [(keys, mixer.key_width, mixer.head_dim), (values, mixer.value_width, mixer.v_head_dim)]
        widths |= {"keys of picked tokens": rows[0], "values of picked tokens": rows[1]}
        read = [widths[node.name]] if node.name in widths else [] if gathered else rows
        return tuple(_bytes(plane, cells * width) + room(plane, head) for plane, width, head in read)
    if node.name == "indexer scores":
        width = getattr(mixer, "index_head_dim", 0)
        return (_bytes(keys, cells * width) + room(keys, width),)
    if isinstance(mixer, LatentAttention):
        rotated = mixer.qk_rope_head_dim
        row = mixer.kv_lora_rank + rotated
        of_keys = _bytes(keys, cells * row) + room(keys, row)
        of_values = _bytes(keys, cells * row - rotated) + room(keys, mixer.kv_lora_rank)
        reads = {"attention scores": (of_keys,), "cache, transposed": (of_values,), "attention output by heads": ()}
        return reads[node.name] if node.name in reads else _at_once(node, settings, of_keys, of_values)
    of_keys = _bytes(keys, cells * getattr(mixer, "key_width", 0)) + room(keys, getattr(mixer, "head_dim", 0))
    own = getattr(mixer, "value_width", 0)
    others = own if settings.values_as_rows else widest
    of_values = _bytes(values, of_stream * (own + (settings.streams - 1) * others))
    of_values += room(values, getattr(mixer, "v_head_dim", 0))
    parts: dict[str, tuple[int, ...]] = {"attention scores": (of_keys,), "attention output by heads": (of_values,)}
    if settings.values_as_rows:
        parts |= {"cache, transposed": (of_values,), "attention output by heads": ()}
    return parts[node.name] if node.name in parts else _at_once(node, settings, of_keys, of_values)


def _rows_read(node: Tensor, mixer: CompressedAttention, settings: Settings, plane: Plane) -> tuple[int, ...]:
    """The same of a window and of a compressed past (deepseek4.cpp)."""
    past = {NEAR: settings.cells, FAR: settings.far_cells}.get(mixer.compress_rate, 0)
    window, streams = settings.window_cells, settings.streams
    if node.name.startswith("rows of the "):
        return (node.shape[0] * held_rows(mixer.compress_rate) * streams * FLOAT32,)
    if node.name == "indexer scores":
        return (_bytes(plane, streams * past * mixer.index_head_dim) + _room(plane, mixer.index_head_dim),)
    of_window = _bytes(plane, streams * window * mixer.head_dim)
    if node.name == "keys of window and past":
        return of_window, _bytes(plane, streams * past * mixer.head_dim)
    if past or node.name == "attention output by heads" or (node.name == LAST and settings.key_format == "fp32"):
        return ()
    return (of_window, of_window) if node.name == LAST else (of_window,)


def _at_once(node: Tensor, settings: Settings, of_keys: int, of_values: int) -> tuple[int, ...]:
    """What the fused operation reads itself: no float32 rows, which are cast before."""
    cast = {"keys cast to float16": (of_keys,), "values cast to float16": (of_values,)}
    if node.name in cast:
        return cast[node.name]
    formats = ((of_keys, settings.key_format), (of_values, settings.value_format))
    return tuple(size for size, number_format in formats if number_format != "fp32")


def values_cast(layer: Layer, settings: Settings) -> int:
    """Bytes of the float16 copy of values that are no part of the keys, being copied from the host apart: of latent ones, or
    of a window whose keys are its values."""
    mixer = layer.mixer
    if settings.key_format in (*HALF, "fp32"):
        return 0
    if isinstance(mixer, CompressedAttention):
        return 0 if mixer.compress_rate else settings.streams * settings.window_cells * mixer.head_dim * 2
    if not isinstance(mixer, LatentAttention):
        return 0
    return settings.streams * settings.cells * mixer.kv_lora_rank * 2


def _bytes(plane: Plane, values: int) -> int:
    return values * plane.bits // (8 * plane.columns)


def _no_room(plane: Plane, width: int) -> int:
    """On the host rows end with their values."""
    return 0


def _room(plane: Plane, width: int) -> int:
    """What fills a quantised row up to 512 values."""
    return _bytes(plane, -width % ROW) if plane.columns > 1 else 0
