"""The moments of a gated short convolution."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.short_conv import ShortConvolution
from .live import Forward, Held, width


def short_conv_moments(forward: Forward, mixer: ShortConvolution, held: Held) -> Iterator[Moment]:
    """Moments of a convolution between two gates (modeling_lfm2.py Lfm2ShortConv.forward)."""
    channels = width("channels", mixer.channels)
    positions = forward.call.new + mixer.conv_kernel - 1
    tokens = Factor("tokens and padding", positions, Lever.WORKLOAD)
    yield Moment(
        "output of the convolution",
        (
            *held,
            forward.per_token("both gates and the input", channels, count=3, note="B, C, x"),
            Term("convolution", (forward.sequences, tokens, channels, forward.value)),
            forward.per_token("gated output", channels),
            forward.stream("projected output"),
        ),
    )
