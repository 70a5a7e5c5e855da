"""The moments of a real-gated linear recurrent unit: its gates for all tokens, then a loop over them."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.rg_lru import RgLru
from ...units import where
from .live import BOOL, FLOAT32, Forward, Held, width


def rg_lru_moments(forward: Forward, mixer: RgLru, held: Held) -> Iterator[Moment]:
    """Moments of RecurrentGemmaRecurrentBlock.forward; its states are allocated before they are computed."""
    channels = width("channels", mixer.lru_width)
    if not forward.is_prefill:
        return  # one token needs less than its logits
    padded = Factor("tokens and padding", forward.call.new + mixer.conv_kernel - 1, Lever.WORKLOAD)
    batch = forward.deployment.workload.batch_size
    several = Factor("needed", where(batch > 1, 1, 0), Lever.WORKLOAD, "for several sequences")
    parts = "two gates and their products, inputs by gate, scaled, output"
    yield Moment(
        "loop over tokens",
        (
            *held,
            forward.per_token("gate of the output", channels),
            Term("convolution", (forward.sequences, padded, channels, forward.value)),
            forward.per_token("gates and inputs", channels, count=10, note=parts),
            forward.per_token("inputs by block, contiguous", channels, several),
            forward.per_token("first tokens", size=BOOL),
            Term("running state", (forward.sequences, channels, width("tensors", 3), FLOAT32)),
        ),
    )
