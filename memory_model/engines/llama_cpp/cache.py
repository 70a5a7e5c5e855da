"""Cells of keys and values, latent rows, and recurrent states, as llama.cpp allocates them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ...amount import Component, Factor, Lever, Moment, Term
from ...blocks.compressed_attention import CompressedAttention
from ...blocks.lightning import LightningAttention
from ...blocks.sparse_attention import BlockSparseAttention
from ...model_shape import LayerGroup
from ...number_formats import NumberFormat
from ...tensors import CacheEntry
from ...units import round_up
from .context import CELLS, Context, padded
from .placement import HOST

ROW = 512
"""A quantised tensor on CUDA ends with room for a row of this many values (ggml-cuda.cu get_alloc_size)."""
SOURCE = "llama-kv-cache.cpp at 0c1e57098"
COMPRESSORS = "llama-kv-cache-dsv4.cpp at 0c1e57098: float32"
STATES = "llama-memory-recurrent.cpp at 0c1e57098: float32, whatever the cache formats"


@dataclass(frozen=True, slots=True)
class Row:
    """One tensor of a layer's cache: so many values a cell."""

    label: str
    heads: int
    width: int
    format: NumberFormat
    window: int | None = None
    is_value: bool = False
    every: int = 1

    @property
    def values(self) -> int:
        """Values of one cell."""
        return self.heads * self.width


def rows_of(context: Context, group: LayerGroup) -> tuple[Row, ...]:
    """The growing tensors of one layer: keys and values, or for latent attention the joined row alone."""
    if group.mixer is None:
        return ()
    entries = [entry for entry in group.mixer.cache() if entry.grows]
    latent = [entry for entry in entries if entry.role == "latent"]
    found = [_row(context, entry) for entry in entries if entry.role != "latent"]
    for kind in dict.fromkeys((entry.window, entry.every) for entry in reversed(latent)):
        alike = [entry for entry in latent if (entry.window, entry.every) == kind]
        width = sum(entry.heads * entry.width for entry in alike)
        label = "latent and rotated key" if len(alike) > 1 else alike[0].label
        found.insert(0, replace(_row(context, alike[0]), label=label, heads=1, width=width))
    if isinstance(group.mixer, BlockSparseAttention):  # llama-kv-cache-msa.cpp: a cache has values, read or not
        form = context.deployment.cache_format.value
        found.append(Row("values beside indexer keys", 1, group.mixer.v_head_dim, form, found[0].window))
    return tuple(found)


def _row(context: Context, entry: CacheEntry) -> Row:
    window, number_format = context.window_of(entry.window), context.deployment.format_of(entry)
    return Row(entry.label, entry.heads, entry.width, number_format, window, entry.role == "value", entry.every)


def states_of(group: LayerGroup) -> tuple[int, int] | None:
    """Values of the convolution state (R) and the recurrent state (S) of one layer and sequence, None without."""
    if isinstance(group.mixer, LightningAttention):
        return 0, group.mixer.num_attention_heads * group.mixer.head_dim**2
    state = getattr(group.mixer, "llama_cpp_state", None)
    return None if state is None else state()


def cache_at(context: Context, place: int) -> Component:
    """Cells and states of the layers whose cache one GPU or the host holds, with the padding of each tensor."""
    terms: list[Term] = []
    places, model = context.placement.caches, context.deployment.model
    has_states = any(states_of(group) for group in model.layers)
    for group in model.layers:
        layers = sum(places[layer] == place for layer in group.layers)
        if not layers:
            continue
        rows = rows_of(context, group)
        if not (rows or has_states or context.values_as_rows or getattr(group.mixer, "shares_kv", False)):
            # a layer without attention has values all the same
            rows = (Row("no values", 1, 0, context.deployment.cache_format.value, is_value=True),)
        for row in rows:
            terms.extend(_row_terms(context, row, layers, on_gpu=place != HOST))
        terms.extend(_state_terms(context, group, layers, 32 if place == HOST else 128))
    return Component("kv_cache", (Moment("always", tuple(terms)),))


def _row_terms(context: Context, row: Row, layers: int, *, on_gpu: bool) -> Iterator[Term]:
    kind = "latent" if row.heads == 1 and "latent" in row.label else "full attention"
    if row.window is not None:
        kind = f"window of {row.window:,}"
    count = Factor("layers", layers, Lever.MODEL)
    size = row.format.row_factors(
        Factor("KV heads", row.heads, Lever.MODEL), Factor("head size", row.width, Lever.MODEL)
    )
    *streams, cells = context.cell_factors(row.window)
    if row.every > 1:
        held = context.rows_of(row.every)
        cells = Factor("rows", held, Lever.MODEL, f"one for {row.every} cells, multiple of {CELLS}")
    yield Term(f"{row.label}, {kind}", (*streams, cells, count, *size), SOURCE, kind)
    narrower = widest_values(context) - row.values if row.is_value and not context.values_as_rows else 0
    if narrower:
        filled = row.format.row_factors(Factor("rows", 1, Lever.ENGINE), Factor("values", narrower, Lever.MODEL))
        yield Term(f"{row.label}, {kind}: up to the widest layer", (*streams, cells, count, *filled), SOURCE, kind)
    extra = row_padding(row.values, row.format) if on_gpu else 0
    if extra:
        room = Factor("bytes", extra, Lever.ENGINE, f"room for a row of {ROW}")
        yield Term(f"{row.label}: row padding", (count, room), "ggml-cuda.cu", kind)


def widest_values(context: Context) -> int:
    """Values of one cell in the widest layer: without flash attention, every layer's tensor of values is as wide.

    llama-kv-cache.cpp n_embd_v_gqa_max, for values that are stored transposed.
    """
    rows = (row for group in context.deployment.model.layers for row in rows_of(context, group))
    return max((row.values for row in rows if row.is_value), default=0)


def row_padding(columns: int, number_format: NumberFormat, alignment: int = 128) -> int:
    """Bytes that CUDA adds to a quantised tensor with such rows; its own bytes being a multiple of the alignment."""
    missing = -columns % ROW
    if number_format.block == 1 or not missing:
        return 0
    plane = number_format.planes[0]
    return round_up(missing // plane.columns * plane.bits // 8, alignment)  # type: ignore[no-any-return]


def _state_terms(context: Context, group: LayerGroup, layers: int, alignment: int) -> Iterator[Term]:
    sequences = context.deployment.workload.sequences
    count = Factor("layers", layers, Lever.MODEL)
    size = Factor("bytes per value", 4, Lever.ENGINE, "float32")
    if isinstance(group.mixer, CompressedAttention):
        for label, rows, each in group.mixer.llama_cpp_states():
            sides = (Factor("rows", rows, Lever.MODEL), Factor("values", each, Lever.MODEL))
            for part in ("rows", "scores"):
                one: Any = padded(f"{part} of the {label}", (sequences, *sides, size), alignment, COMPRESSORS, "state")
                yield from (Term(t.label, (count, *t.factors), t.source, t.part) for t in one)
    state = states_of(group)
    if state is None:
        return
    for label, values in zip(("convolution state", "recurrent state"), state):
        if values:
            width = Factor("values", values, Lever.MODEL)
            one = padded(label, (sequences, width, size), alignment, STATES, "state")
            yield from (Term(t.label, (count, *t.factors), t.source, t.part) for t in one)
