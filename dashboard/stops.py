"""Where the sliders stop and where the bars stand, in tokens per sequence and sequences."""

from __future__ import annotations

SHORTEST = 256
LONGEST = 2**20
PER_OCTAVE = 16
BARS = 12
WHOLE, LONG = 16, 4096
BATCHES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)


def context_stops(supported: int) -> tuple[int, ...]:
    """Context lengths from 256 to 1,048,576 or to what the model supports, evenly spaced on a log scale.

    Rounded to a 32nd of their octave, so that they read as whole thousands; what the model supports is one of them.
    """
    found = {supported} if supported >= SHORTEST else set()
    octave = SHORTEST
    while octave < max(LONGEST, supported):
        found |= {round(32 * 2 ** (step / PER_OCTAVE)) * octave // 32 for step in range(PER_OCTAVE)}
        octave *= 2
    return tuple(sorted({stop for stop in found if stop < octave} | {octave}))


def bar_positions(context_length: int) -> tuple[int, ...]:
    """The context lengths of the bars, evenly spaced up to the current one, so that linear growth looks linear.

    In whole 16s where the lengths are long: PyTorch pads masks to them, so a bar between would stand out.
    """
    whole = WHOLE if context_length >= LONG else 1
    return (*(max(1, context_length * bar // (BARS * whole) * whole) for bar in range(1, BARS)), context_length)


def doublings(first: int, last: int) -> tuple[int, ...]:
    """`first`, twice that and so on, not beyond `last`."""
    found = [first]
    while found[-1] * 2 <= last:
        found.append(found[-1] * 2)
    return tuple(found)


def batch_bars(batch_size: int) -> tuple[int, ...]:
    """Twelve batch sizes, evenly spaced, that hold the current one."""
    if batch_size <= BARS:
        return tuple(range(1, BARS + 1))
    return tuple(batch_size * bar // 6 for bar in range(1, BARS + 1))
