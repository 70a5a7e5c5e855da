"""Few layers that have the same compute buffer as a whole stack.

Layers repeat, and so does what is where when one begins: once that has come back, what lies between may be left out
any number of times.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from .allocator import Replay

ALIKE = 3
"""How many equal layers in a row are tried first for a longer row."""


def of_few(kinds: tuple[int, ...], replayed: Callable[[tuple[int, ...]], Replay]) -> Replay:
    """A replay of few layers that ends as that of all would. `kinds`: a number for each layer, equal for layers alike."""
    first, period = repetition(kinds)
    wanted = first + max(2 * period + 1, 4)
    while 3 * wanted < 2 * len(kinds):
        dropped = (len(kinds) - wanted) // period * period
        found, states = _of_short_rows(kinds, (*range(first), *range(first + dropped, len(kinds))), replayed)
        cycle = _cycle(states, first, period)
        if cycle and dropped % cycle == 0:
            return found
        if cycle:
            kept = (*range(first), *range(first + dropped // cycle * cycle, len(kinds)))
            return _of_short_rows(kinds, kept, replayed)[0]
        wanted *= 2
    return _of_short_rows(kinds, tuple(range(len(kinds))), replayed)[0]


def _of_short_rows(
    kinds: tuple[int, ...], layers: tuple[int, ...], replayed: Callable[[tuple[int, ...]], Replay]
) -> tuple[Replay, list[object]]:
    """The replay of these layers, and what is where when each begins; from short rows if they prove to be enough.

    They do where the last layer that is kept of a row computes something and leaves everything as it was.
    """
    kept, steady = _short_rows(kinds, layers)
    if len(kept) == len(layers):
        found = replayed(layers)
        return found, list(found.states)
    found = replayed(kept)
    before, after = ([found.states[i + later] for i in steady] for later in (0, 1))
    if any(one is other or one != other for one, other in zip(before, after, strict=True)):
        found = replayed(layers)
        return found, list(found.states)
    begins = dict(zip(kept, found.states, strict=True))
    states: list[object] = []
    for layer in layers:
        states.append(begins.get(layer, states[-1] if states else None))
    return found, states


@lru_cache(maxsize=1024)
def _short_rows(kinds: tuple[int, ...], layers: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The first few layers of each row, but the very last layer in any case; and where the last kept of a cut row is."""
    kept: list[int] = []
    steady: list[int] = []
    row = 0
    for position, layer in enumerate(layers):
        row = row + 1 if position and kinds[layer] == kinds[layers[position - 1]] else 1
        if row <= ALIKE or position == len(layers) - 1:
            kept.append(layer)
        elif row == ALIKE + 1:
            steady.append(len(kept) - 1)
    return tuple(kept), tuple(steady)


@lru_cache(maxsize=1024)
def repetition(layers: Sequence[object]) -> tuple[int, int]:
    """Where layers begin to repeat, and after how many, so that two rounds end soonest; (0, their number) if never."""
    count = len(layers)
    best = (0, count)
    for period in range(1, count // 2 + 1):
        unlike = (i + 1 for i in range(count - period - 1, -1, -1) if layers[i] != layers[i + period])
        first = next(unlike, 0)
        if first + 2 * period < min(count, best[0] + 2 * best[1]):
            best = (first, period)
    return best


def _cycle(states: Sequence[object], first: int, period: int) -> int:
    """After how many layers everything is where it was; 0 if that is not seen."""
    for end in range(first + 1, len(states)):
        for begin in range(end - period, first, -period):
            if states[begin] == states[end]:
                return end - begin
    return 0
