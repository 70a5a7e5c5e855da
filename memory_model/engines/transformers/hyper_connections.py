"""Several residual streams beside each other, which weights in float32 collapse before a block (Hy4, GLM-5.3-Flash)."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Moment, Term
from .live import FLOAT32, Forward, Held, width


def streams(forward: Forward) -> tuple[Factor, ...]:
    """How many streams the residual has, where they are several."""
    return (width("streams", forward.stated("hc_mult", 4)),) if forward.code.hyper_connections else ()


def stream_weights(forward: Forward) -> Held:
    """What spreads a block's output over the streams, and mixes them, while the block runs."""
    several = streams(forward)
    if not several:
        return ()
    spreading = forward.per_token("weights of streams", *several, size=FLOAT32)
    if forward.code.hyper_connections == "independent":
        return (spreading,)
    return spreading, forward.per_token("weights between streams", *several, *several, size=FLOAT32)


def stream_moments(forward: Forward, around: Held) -> Iterator[Moment]:
    """The streams behind the MLP: as they were, what is added to each, and the sum; before it, where they are mixed."""
    several = streams(forward)
    if forward.code.hyper_connections == "mixed":
        yield from _weighing(forward, around)
    if several:
        size = FLOAT32 if forward.code.hyper_connections == "independent" else forward.value
        note = "as they were, what is added, sum"
        sums = forward.per_token("streams", *several, forward.hidden, count=3, note=note, size=size)
        yield Moment("output of the layer", (*around, forward.stream("output of the MLP"), sums))


def _weighing(forward: Forward, around: Held) -> Iterator[Moment]:
    """The streams, normed in float32, are multiplied by a matrix that is copied to float32 for it.

    Source: modeling_glm5_next.py Glm5NextTextHyperConnection.forward.
    """
    count = forward.stated("hc_mult", 4)
    values, weights = (width("streams", count), forward.hidden), width("weights of streams", (2 + count) * count)
    normed = forward.per_token("normed streams", *values, size=FLOAT32)
    mixing = (*around, normed, forward.per_token("weights between streams and block", weights, size=FLOAT32))
    if forward.is_float32:
        yield Moment("weights of the streams", mixing)
        return
    copied = forward.per_token("streams in float32", *values, size=FLOAT32)
    root = forward.per_token("inverse root", size=FLOAT32)
    yield Moment("norm of the streams", (*around, copied, normed, root))
    yield Moment("weights of the streams", (*mixing, Term("matrix in float32", (weights, *values, FLOAT32))))
