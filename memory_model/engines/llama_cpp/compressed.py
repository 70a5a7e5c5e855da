"""The inputs of the graph of attention to a compressed past (deepseek4.cpp), as the host holds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...amount import Factor, Lever
from ...blocks.compressed_attention import CompressedAttention
from ...units import smaller
from .context import Context
from .prompt import held_rows

FLOAT32 = Factor("bytes per value", 4, Lever.ENGINE, "float32")
INT64 = Factor("bytes per index", 8, Lever.ENGINE, "int64")
FLOAT16 = Factor("bytes per value", 2, Lever.ENGINE, "float16")


def _kinds(context: Context) -> dict[int, CompressedAttention]:
    """One mixer of each rate of compression, 0 for those with a window alone."""
    mixers = (group.mixer for group in context.deployment.model.layers)
    return {mixer.compress_rate: mixer for mixer in mixers if isinstance(mixer, CompressedAttention)}


def _rows(context: Context, rate: int) -> Factor:
    return Factor(f"rows, one for {rate} cells", context.rows_of(rate), Lever.WORKLOAD)


def compressed_inputs(context: Context, n: Factor, sequences: Factor) -> Iterator[tuple[str, tuple[Factor, ...]]]:
    """Masks of compressed rows and of those that an indexer scores, and which rows are compressed and kept."""
    quantised = context.deployment.cache_format.key.block > 1
    for rate, mixer in _kinds(context).items():
        if not rate:
            continue
        rows = _rows(context, rate)
        yield f"mask of rows for {rate} cells", (n, rows, FLOAT16 if context.flash else FLOAT32)
        yield from _numbers(context, rate, n, sequences)
        if quantised:
            yield from _rotation(f"rotation of rows for {rate} cells", mixer.head_dim)
        if mixer.index_n_heads:
            yield "mask of indexers", (n, rows, FLOAT16)
            yield from _numbers(context, rate, n, sequences)
            yield from _rotation("rotation of indexer keys", mixer.index_head_dim)


def _numbers(context: Context, rate: int, n: Factor, sequences: Factor) -> Iterator[tuple[str, tuple[Factor, ...]]]:
    """graph_compressed.py `past_of`, number by number."""
    read_at_once = held_rows(rate)
    tokens: Any = n.value
    count = tokens // rate + sequences.value
    blocks = Factor("blocks", count, Lever.WORKLOAD, f"of {rate} tokens, one more a sequence")
    kept = Factor("rows", smaller(n.value, read_at_once * context.streams), Lever.WORKLOAD, "not compressed yet")
    yield "positions in a block", (n, FLOAT32)
    yield "rows to be compressed", (blocks, Factor("rows of a block", read_at_once, Lever.MODEL), FLOAT32)
    yield "rows to be kept", (kept, FLOAT32)
    yield "places of kept rows", (kept, FLOAT32)
    yield "places of compressed rows", (blocks, INT64)
    yield "positions of compressed rows", (blocks, FLOAT32)


def _rotation(label: str, width: int) -> Iterator[tuple[str, tuple[Factor, ...]]]:
    side = Factor("rotation", width & -width, Lever.ENGINE)
    yield label, (side, side, FLOAT32)
