"""A graph boiled down to what its allocator does, in order, so that many contexts are replayed from one graph.

What is placed and given back, and when, does not depend on the numbers of a context; only the sizes do. Layers alike
do the same: what a layer makes of a buffer is worked out once for each state in which it finds the buffer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .allocator import OPEN, Replay
from .multiples import terms
from .prompt import Settings

State = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Offsets and sizes of the free blocks, and where everything is that is held."""
EMPTY: State = ((0,), (OPEN,), ())


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happens to a buffer in a layer. Places have numbers: those held when it begins, then new ones.

    A tensor that takes over a place shares its number.
    """

    events: tuple[int, ...]
    """n + 1: place n is taken; -n - 1: it is given back."""
    sizes: tuple[int, ...]
    """The number of each place's size among those of the program."""
    leaves: tuple[int, ...]
    """The places that are held at the end."""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What happens to one buffer."""

    stretches: tuple[Stretch, ...]
    """Those that differ."""
    order: tuple[int, ...]
    """Which of them each layer is."""
    multiples: npt.NDArray[np.int64]
    """Bytes of each size, as multiples of `terms`."""

    def sizes(self, settings: Settings, alignment: int) -> list[int]:
        """Bytes of each size in a context, padded."""
        found = terms(settings)
        fits = max(found) * len(found) * int(self.multiples.max(initial=1)) < 2**62
        sizes = self.multiples @ np.array(found, np.int64 if fits else object)
        return (-(-sizes // alignment) * alignment).tolist()  # type: ignore[no-any-return]


def run(program: Program, settings: Settings, alignment: int) -> Replay:
    """The same as `allocator.replay`, which says what is done here and why, but for what was alive.

    Two contexts have one trace if each tensor has its place in the same free block, beside the same smaller ones, all
    neighbours touch alike, and the buffer ends with the same tensor. Sizes being linear, so it is between them: a block
    that is smaller at both ends and too small at both, or larger at both, is never the better choice.
    """
    sizes = program.sizes(settings, alignment)
    own = [[sizes[size] for size in stretch.sizes] for stretch in program.stretches]
    numbers: dict[State, int] = {EMPTY: 0}
    states: list[State] = [EMPTY]
    known: dict[tuple[int, int], tuple[int, int, int, int]] = {}
    at = highest = 0
    fullest = (0, 0)
    path: list[int] = []
    for layer, kind in enumerate(program.order):
        move = known.get((kind, at))
        if move is None:
            after, peak, when, trace = _played(program.stretches[kind], own[kind], states[at])
            number = numbers.setdefault(after, len(states))
            if number == len(states):
                states.append(after)
            move = known[kind, at] = (number, peak, when, trace)
        at, peak, when, trace = move
        path.append(trace)
        if peak > highest:
            highest, fullest = peak, (layer, when)
    return Replay(highest, (), hash((fullest, *path)), ())


def _played(stretch: Stretch, sizes: list[int], begin: State) -> tuple[State, int, int, int]:
    """The state after a layer, the highest end that its own tensors reach, the decision before that, and all decisions."""
    offsets, blocks = list(begin[0]), list(begin[1])
    where = [*begin[2], *[0] * (len(sizes) - len(begin[2]))]
    highest = when = 0
    decided: list[int] = []
    for event in stretch.events:
        if event > 0:
            size = sizes[event - 1]
            smallest, best, unfit = OPEN, 0, 0
            for i, block in enumerate(blocks):
                if block < size:
                    unfit |= 1 << i
                elif block <= smallest:
                    best, smallest = i, block
            offset = where[event - 1] = offsets[best]
            left = smallest - size
            if left:
                offsets[best], blocks[best] = offset + size, left
            else:
                del offsets[best], blocks[best]
            if offset + size > highest:
                highest, when = offset + size, len(decided)
            decided.append((unfit << 7 | best) * 2 + (not left))
        else:
            size, start = sizes[-1 - event], where[-1 - event]
            end = start + size
            for i, other in enumerate(offsets):
                if other + blocks[i] == start:
                    blocks[i] += size
                    joins = i + 1 < len(offsets) and end == offsets[i + 1]
                    decided.append(-4 * i - 5 - joins)
                    if joins:
                        blocks[i] += blocks.pop(i + 1)
                        del offsets[i + 1]
                    break
                if end == other:
                    offsets[i] = start
                    blocks[i] += size
                    joins = i > 0 and offsets[i - 1] + blocks[i - 1] == start
                    decided.append(-4 * i - 7 - joins)
                    if joins:
                        blocks[i - 1] += blocks.pop(i)
                        del offsets[i]
                    break
            else:
                i = next((i for i, other in enumerate(offsets) if other >= start), len(offsets))
                offsets.insert(i, start)
                blocks.insert(i, size)
                decided.append(-1_000_000 - i)
    ended = (tuple(offsets), tuple(blocks), tuple([where[place] for place in stretch.leaves]))
    return ended, highest, when, hash(tuple(decided))
