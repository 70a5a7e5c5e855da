"""What the compute buffer holds at its fullest moment, as terms that add up to its size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from ...amount import Evidence, Factor, Lever, Moment, Number, Term
from .allocator import Replay
from .compute import device_moments
from .compute_buffer import buffer_bytes, fullest_moment
from .context import Context
from .graph import FLOAT32, Tensor
from .placement import GPU_ALIGNMENT

SOURCE = "llama-graph.cpp at 0c1e57098, ggml-alloc.c of ggml 0.25.3"


CLOSED = (
    "closed form, not compared with the engine for this family; of others half of 8,704 contexts are within 0.15 %, 80 % "
    "within 5 %, the worst 36.5 % off"
)
REPLAYED = "byte for byte, by replaying ggml's allocator over the graph"


def compute_moments(context: Context) -> tuple[tuple[Moment, ...], Evidence, str]:
    """What the one buffer of a GPU, or of a CPU without one, holds, how far its size can be trusted, and why.

    Exact where the family's graph is built here: at a point tensor by tensor, over a grid as one number of bytes.
    """
    size = buffer_bytes(context)
    if size is None:
        return device_moments(context), Evidence.ASSUMED, CLOSED
    moments = moments_of(context, size, lambda: fullest_moment(context))
    return moments, Evidence.EXACT, REPLAYED


def moments_of(context: Context, size: Number, replayed: Callable[[], Replay | None]) -> tuple[Moment, ...]:
    """A replayed buffer: at a point tensor by tensor, over a grid as one number of bytes."""
    if isinstance(size, int):
        replay = replayed()
        assert replay is not None
        terms: tuple[Term, ...] = tuple(_terms(context, replay))
    else:
        terms = (Term("compute buffer", (Factor("bytes", size, Lever.ENGINE),), SOURCE),)
    return (Moment("fullest moment of the graph", terms, SOURCE),)


def _terms(context: Context, replay: Replay) -> Iterator[Term]:
    held = 0
    alive = Counter((tensor.name, tensor.shape, _held(tensor, size)) for tensor, size in replay.fullest if tensor.bytes)
    for (name, shape, size), copies in alive.items():
        factors = tuple(_factors(context, Tensor(name, shape, size)))
        several = (Factor("tensors", copies, Lever.ENGINE),) if copies > 1 else ()
        term = Term(name, (*several, *factors), SOURCE)
        held += copies * size
        yield term
        extra = copies * size - term.bytes
        if extra:
            label = "float16 copies of the cache" if name.startswith("attention") else "new states"
            yield Term(label, (Factor("bytes", extra, Lever.ENGINE, f"part of {name}"),), SOURCE)
    if replay.bytes > held:
        gaps = Factor("bytes", replay.bytes - held, Lever.ENGINE, "between the tensors, too small for any that came")
        yield Term("gaps", (gaps,), SOURCE)


def _held(tensor: Tensor, size: int) -> int:
    """Bytes of a tensor without its padding, also where a backend has fewer or more of it than others."""
    return tensor.bytes if 0 <= size - tensor.bytes < GPU_ALIGNMENT else size


def _factors(context: Context, tensor: Tensor) -> Iterator[Factor]:
    """The sides of a tensor by what they count, then the bytes of one value."""
    values = 1
    for position, side in enumerate(tensor.shape):
        values *= side
        if side != 1:
            yield _side(context, tensor, position, side)
    each = tensor.bytes // values if tensor.bytes in (2 * values, 8 * values) else FLOAT32
    name = {2: "float16", 8: "int64"}.get(each, "4 bytes")
    yield Factor("bytes per value", each, Lever.ENGINE, name)


def _side(context: Context, tensor: Tensor, position: int, side: int) -> Factor:
    model, is_row = context.deployment.model, len(tensor.shape) > 1 and position == 0
    if is_row and tensor.name.startswith(("mask", "attention scores", "attention weights")):
        return Factor("cells", side, Lever.WORKLOAD)
    if tensor.name == "mask":
        return Factor("tokens of a stream" if position == 1 else "streams", side, Lever.ENGINE)
    if is_row and side == model.vocab_size:
        return Factor("vocabulary", side, Lever.MODEL)
    if is_row:
        return Factor("hidden size" if side == model.hidden_size else "values", side, Lever.MODEL)
    if side == context.step:
        return Factor("tokens in a step", side, Lever.ENGINE, "n_ubatch, at most n_ctx")
    if side == context.outputs:
        return Factor("outputs", side, Lever.ENGINE, f"logits: {context.deployment.workload.logits}")
    if side == context.sequences:
        return Factor("sequences", side, Lever.WORKLOAD)
    return Factor("heads or experts" if len(tensor.shape) > 2 else "values", side, Lever.MODEL)
