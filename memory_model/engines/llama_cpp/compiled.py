"""Programs of the buffers of a graph: what happens to the places of its tensors, layer by layer.

Layers repeat. A graph is made of a few rounds of them, and those left out do what the third of these rounds does, if the
fourth does just the same and nothing was made ready for either long before.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .graph import Tensor
from .multiples import multiples_in, readable, small, terms
from .program import Program, Stretch
from .prompt import Settings
from .steps import Step, Steps

Raw = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Places that are held when a layer begins, events, and places that are held at its end, numbered throughout."""
ROUNDS = 5
"""Rounds of layers alike that a graph is made of: the first two and the last may do something else than those between."""


@dataclass(frozen=True, slots=True)
class Few:
    """Some layers of a stack, and what was left out."""

    layers: tuple[int, ...]
    left_out: tuple[tuple[int, int, int], ...] = ()
    """Where the rounds of a kind begin among these layers, layers of a round, and how many rounds are missing."""

    def all_of(self, found: tuple[int, ...]) -> tuple[int, ...] | None:
        """What is known of these layers, and before them, for the whole stack; None where rounds are not alike."""
        every: list[int] = []
        done = 0
        for begin, period, missing in self.left_out:
            third, fourth, last = (1 + begin + number * period for number in (2, 3, 4))
            if found[third:fourth] != found[fourth:last]:
                return None
            every += [*found[done:last], *found[third:fourth] * missing]
            done = last
        return (*every, *found[done:])


def few_of(kinds: Sequence[Hashable]) -> Few:
    """Few layers of a stack: of what repeats, as many rounds as are needed to see what all do."""
    kept: list[int] = []
    left_out = []
    at = 0
    while at < len(kinds):
        period = max(range(1, len(kinds) - at + 1), key=lambda length: length * _missing(kinds, at, length))
        missing = _missing(kinds, at, period)
        if missing:
            left_out.append((len(kept), period, missing))
        layers = period * ROUNDS if missing else 1
        kept += range(at, at + layers)
        at += layers + period * missing
    return Few(tuple(kept), tuple(left_out))


def _missing(kinds: Sequence[Hashable], at: int, period: int) -> int:
    """How often so many layers are repeated from there on, beyond the rounds that are kept."""
    end = at + period
    while end < len(kinds) and kinds[end] == kinds[end - period]:
        end += 1
    return max(0, (end - at) // period - ROUNDS)


@dataclass(slots=True, eq=False)
class Course:
    """What happens to one buffer in a whole graph."""

    sizes: list[int] = field(default_factory=list)
    """Bytes of each place, in the order in which they are first taken."""
    layers: list[Raw] = field(default_factory=list)
    held: dict[Tensor, int] = field(default_factory=dict)
    began: tuple[int, ...] = ()
    events: list[int] = field(default_factory=list)

    def put(self, step: Step, readers: Mapping[Tensor, int], kept: set[Tensor]) -> None:
        """A tensor has its place: that of a source that nobody else reads, or a new one."""
        for source in step.takes:
            if readers[source] == 1 and source in self.held and source not in kept:
                self.held[step.tensor] = self.held.pop(source)
                return
        self.held[step.tensor] = len(self.sizes)
        self.sizes.append(step.bytes)
        self.events.append(len(self.sizes))

    def give_back(self, tensor: Tensor) -> None:
        """Its place is free."""
        self.events.append(-1 - self.held.pop(tensor))

    def end_layer(self) -> None:
        """What happened so far belongs to the layer that ends."""
        ended = tuple(self.held.values())
        self.layers.append((self.began, tuple(self.events), ended))
        self.began, self.events = ended, []


def courses(found: Steps) -> dict[int, Course]:
    """The course of every buffer, by place."""
    readers: dict[Tensor, int] = {}
    for step in found.steps:
        for source in step.sources:
            readers[source] = readers.get(source, 0) + 1
    by_place = {step.place: Course() for step in found.steps if step.tensor.placed}
    home: dict[Tensor, int] = {}
    for number, step in enumerate(found.steps):
        if number in found.begins:
            for course in by_place.values():
                course.end_layer()
        home[step.tensor] = step.place
        if step.tensor.placed:
            by_place[step.place].put(step, readers, found.kept)
        for source in step.sources:
            readers[source] -= 1
            if not readers[source] and source not in found.kept and source in by_place[home[source]].held:
                by_place[home[source]].give_back(source)
    for course in by_place.values():
        course.end_layer()
    return by_place


def programs(
    alike: Settings, kinds: Sequence[Hashable], steps_of: Callable[[Settings, Sequence[int]], Steps]
) -> dict[int, Program] | None:
    """The programs of all contexts of a structure, by place; None where a size is no sum of multiples.

    `kinds`: equal for layers that are alike. `steps_of`: the steps of some of them. All sizes that the multiples give occur
    in a small context: mostly in one layer of each kind and the last, and what is copied where they meet in more of them.
    """
    one_of_each = sorted({*map(kinds.index, kinds), len(kinds) - 1})

    def of(few: Few) -> dict[int, Program] | None:
        steps = steps_of(readable(alike), few.layers)
        if _makes_ready(steps, few):
            return None
        found, sizes = {}, set[int]()
        for place, course in courses(steps).items():
            program = _program(course, few, terms(readable(alike)))
            if program is None:
                return None
            found[place] = program
            sizes.update(program.multiples @ terms(small(alike)))
        checks = (steps_of(small(alike), layers).steps for layers in (one_of_each, few.layers))
        return found if any(sizes <= {step.bytes for step in check} for check in checks) else None

    few = few_of(kinds)
    found = of(few)
    return of(Few(tuple(range(len(kinds))))) if found is None and few.left_out else found


def _makes_ready(found: Steps, few: Few) -> bool:
    """Whether something has its place more than a round before a round begins that is the first to read it.

    There would be as many of these as there are rounds: copies of all that a GPU reads, made when its layers begin.
    """
    at, placed, first_read = 0, dict[Tensor, int](), dict[Tensor, int]()
    for number, step in enumerate(found.steps):
        at += number in found.begins
        placed[step.tensor] = at
        for source in step.sources:
            first_read.setdefault(source, at)
    for begin, period, _ in few.left_out:
        for start in range(1 + begin + period, 1 + begin + 4 * period, period):
            for tensor, read in first_read.items():
                if start <= read < start + period and placed[tensor] < start - period:
                    return True
    return False


def _program(course: Course, few: Few, of: list[int]) -> Program | None:
    read = {size: multiples_in(size, of) for size in dict.fromkeys(course.sizes)}
    if None in read.values():
        return None
    matrix = np.array(list(read.values()), np.int64).reshape(len(read), len(of))
    numbers = {size: number for number, size in enumerate(read)}
    rows = [numbers[size] for size in course.sizes]
    stretches = [_stretch(raw, rows) for raw in course.layers]
    kinds = {stretch: number for number, stretch in enumerate(dict.fromkeys(stretches))}
    order = tuple(kinds[stretch] for stretch in stretches)
    if few.left_out and len(order) != len(few.layers) + 1:
        return None
    every = few.all_of(order)
    return None if every is None else Program(tuple(kinds), every, matrix)


def _stretch(raw: Raw, rows: list[int]) -> Stretch:
    """With its own numbers for places."""
    began, events, ended = raw
    taken: Iterable[int] = (event - 1 for event in events if event > 0)
    own = {place: number for number, place in enumerate((*began, *taken))}
    return Stretch(
        tuple(own[event - 1] + 1 if event > 0 else -1 - own[-1 - event] for event in events),
        tuple(rows[place] for place in own),
        tuple(own[place] for place in ended),
    )
