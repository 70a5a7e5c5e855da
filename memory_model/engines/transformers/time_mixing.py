"""The moments of RWKV-4 without its kernel: three numbers of every channel in float32, token by token."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.time_mixing import TimeMixing
from ...units import where
from .live import FLOAT32, Forward, Held, width

LOOP = "modeling_rwkv.py rwkv_linear_attention_cpu"


def time_mixing_moments(forward: Forward, mixer: TimeMixing, held: Held) -> Iterator[Moment]:
    """The loop over tokens; behind the first one the state of the one before is still alive."""
    channels = width("channels", mixer.hidden_size)
    steps = Factor("tensors", where(forward.call.new > 1, 13, 10), Lever.ENGINE, "state, and steps to the next")
    terms = (
        forward.per_token("key, value, receptance, output", channels, count=4, note="key, value, receptance, output"),
        Term("state in float32", (forward.sequences, channels, steps, FLOAT32)),
        Term("decays", (channels, forward.value)),
    )
    yield Moment("loop over tokens", (*held, *terms), LOOP)
