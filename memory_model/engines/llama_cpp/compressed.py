"""Compute buffers of attention to a compressed past (deepseek4.cpp), in closed form; and the inputs of its graph.

On one GPU and on a CPU alone the graph is replayed. Of 32 random contexts of DeepSeek V4 Flash with parts on the host or on
several GPUs half of the GPUs are within 37 %, 9 of 10 within 89 %, the worst 96 % off; the host within 19 %, 97 % and 99.9 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...amount import Factor, Lever, Moment, Term
from ...blocks.compressed_attention import CompressedAttention
from ...units import smaller
from .context import Context
from .prompt import held_rows

FLOAT32 = Factor("bytes per value", 4, Lever.ENGINE, "float32")
INT64 = Factor("bytes per index", 8, Lever.ENGINE, "int64")
FLOAT16 = Factor("bytes per value", 2, Lever.ENGINE, "float16")
SOURCE = "deepseek4.cpp at 0c1e57098"
MEASURED = (
    "closed form; of 32 contexts that the engine created on several GPUs or with parts on the host half of the GPUs are within "
    "37 %, 9 of 10 within 89 %, the worst 96 % off; the host 19 %, 97 % and 99.9 %"
)
STREAMS = 4
"""Residual streams (hc_mult); the graph takes no other number."""


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


def compressed_moments(context: Context, n: Factor, inputs: tuple[Term, ...]) -> Iterator[Moment]:
    """Queries before and after their norm; attention to the window's and the compressed rows, which are joined."""
    hidden = Factor("hidden size", context.deployment.model.hidden_size, Lever.MODEL)
    # the place of the streams before stays empty: what comes is larger
    several = Factor("residual streams, those before, and what is read of them", 2 * STREAMS + 2, Lever.MODEL)
    streams = Term("residual streams", (several, n, hidden, FLOAT32), SOURCE)
    found = compressed_inputs(context, n, Factor("sequences", context.sequences, Lever.WORKLOAD))
    masks = tuple(Term(label, factors, SOURCE) for label, factors in found)
    for rate, mixer in _kinds(context).items():
        heads = Factor("query heads", mixer.num_attention_heads, Lever.MODEL)
        width = Factor("head size", mixer.head_dim, Lever.MODEL)
        two = Factor("tensors", 2, Lever.ENGINE, "queries, and what follows them")
        queries = Term("queries", (two, n, heads, width, FLOAT32), SOURCE)
        yield Moment("queries", (queries, streams, *masks, *inputs), SOURCE)
        window: Any = context.cells_of(mixer.window)
        held = window + (_rows(context, rate).value if rate else 0)
        joined = Factor("rows of the window and compressed ones", held, Lever.WORKLOAD)
        each = FLOAT16 if context.flash else FLOAT32
        parts = [streams, *masks, *inputs]
        if rate:
            caches = Factor("streams", context.streams, Lever.WORKLOAD)
            parts.append(Term("joined rows", (caches, joined, width, FLOAT16), SOURCE))
            parts.append(Term("joined masks", (n, joined, each), SOURCE))
        if mixer.index_n_heads:
            parts.append(Term("mask of picked rows", (n, _rows(context, rate), each), SOURCE))
        if context.flash:
            parts.append(queries)
        else:
            parts.append(Term("scores", (n, heads, joined, FLOAT32), SOURCE))
            parts.append(Term("queries", (n, heads, width, FLOAT32), SOURCE))
        yield Moment(f"attention, one row for {rate} cells", tuple(parts), SOURCE)
