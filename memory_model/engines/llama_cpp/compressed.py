"""Compute buffers of attention to a compressed past (deepseek4.cpp), in closed form.

Of 64 random contexts of DeepSeek V4 Flash on a GPU half are within 7.5 %, 9 of 10 within 22 %, the worst 24 % off; its host
within 0.1 %, 5.1 % and 33 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...amount import Factor, Lever, Moment, Term
from ...blocks.compressed_attention import CompressedAttention
from ...units import round_up
from .context import CELLS, Context

FLOAT32 = Factor("bytes per value", 4, Lever.ENGINE, "float32")
FLOAT16 = Factor("bytes per value", 2, Lever.ENGINE, "float16")
SOURCE = "deepseek4.cpp at 0c1e57098"
MEASURED = (
    "closed form; of 64 contexts that the engine created half are within 7.5 % on the GPU, 9 of 10 within 22 %, the worst 24 % "
    "off; on the host 0.1 %, 5.1 % and 33 %"
)
STREAMS = 4
"""Residual streams (hc_mult); the graph takes no other number."""


def _kinds(context: Context) -> dict[int, CompressedAttention]:
    """One mixer of each rate of compression, 0 for those with a window alone."""
    mixers = (group.mixer for group in context.deployment.model.layers)
    return {mixer.compress_rate: mixer for mixer in mixers if isinstance(mixer, CompressedAttention)}


def _rows(context: Context, rate: int) -> Factor:
    held: Any = round_up(-(-context.cells // rate), CELLS)
    return Factor(f"rows, one for {rate} cells", held, Lever.WORKLOAD)


def compressed_inputs(context: Context, n: Factor) -> Iterator[tuple[str, tuple[Factor, ...]]]:
    """Masks of compressed rows, and of those that an indexer scores."""
    for rate, mixer in _kinds(context).items():
        if not rate:
            continue
        rows = _rows(context, rate)
        yield f"mask of rows for {rate} cells", (n, rows, FLOAT16 if context.flash else FLOAT32)
        if mixer.index_n_heads:
            yield "mask of indexers", (n, rows, FLOAT16)
            side = Factor("rotation", mixer.index_head_dim, Lever.ENGINE)
            yield "rotation of indexer keys", (side, side, FLOAT32)


def compressed_moments(context: Context, n: Factor, inputs: tuple[Term, ...]) -> Iterator[Moment]:
    """Queries before and after their norm; attention to the window's and the compressed rows, which are joined."""
    hidden = Factor("hidden size", context.deployment.model.hidden_size, Lever.MODEL)
    # the place of the streams before stays empty: what comes is larger
    several = Factor("residual streams, those before, and what is read of them", 2 * STREAMS + 2, Lever.MODEL)
    streams = Term("residual streams", (several, n, hidden, FLOAT32), SOURCE)
    masks = tuple(Term(label, factors, SOURCE) for label, factors in compressed_inputs(context, n))
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
