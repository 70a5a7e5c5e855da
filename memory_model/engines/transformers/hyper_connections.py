"""Several residual streams beside each other, which weights in float32 collapse before a block (Hy4, GLM-5.3-Flash)."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Moment
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
    """The streams behind the MLP: as they were, what is added to each, and the sum."""
    several = streams(forward)
    if several:
        size = FLOAT32 if forward.code.hyper_connections == "independent" else forward.value
        note = "as they were, what is added, sum"
        sums = forward.per_token("streams", *several, forward.hidden, count=3, note=note, size=size)
        yield Moment("output of the layer", (*around, forward.stream("output of the MLP"), sums))
