"""How every component grows with the context or the batch: its local slope on log axes, and the factors that repeat.

A slope of 1 is linear, 2 quadratic. The reason is read off the terms: the factors whose values change when the length
doubles are the ones that repeat, and a term with two of them is quadratic.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from math import log2

import numpy as np

from memory_model import InputError, Scenario
from memory_model.amount import Component, Term
from memory_model.estimate import breakdown, in_phase, over_grid
from memory_model.scenario import MOST_SEQUENCES, MOST_TOKENS

from ..own_models import deployed
from ..stops import BATCHES, SHORTEST, context_stops, doublings

AGAINST = {"context": "context_length", "batch": "batch_size"}
"""The two axes, by their name in the link, with the field of the scenario that they move."""
MOST = {"context": MOST_TOKENS, "batch": MOST_SEQUENCES}
NEAR = 0.05
"""A slope within so much of a whole number is called by that number's name."""
POWERS = ("constant", "linear", "quadratic", "cubic")


@dataclass(frozen=True, slots=True)
class GrowthLine:
    """Bytes of one component at every number of the axis."""

    component: str
    numbers: tuple[int, ...]
    bytes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Grown:
    """One term at the chosen point, with the names of its factors that change when the number doubles."""

    term: Term
    repeats: tuple[str, ...]

    @property
    def degree(self) -> int:
        """How many of its factors repeat: 2 is quadratic."""
        return len(self.repeats)


@dataclass(frozen=True, slots=True)
class Growth:
    """One component at the chosen point: its slope over the next doubling and its terms by how they grow."""

    component: str
    bytes: int
    slope: float
    moment: str
    grown: tuple[Grown, ...]
    """Terms of the busiest moment, the largest first."""
    is_matched: bool
    """Whether the same moment with the same terms exists at twice the number, so that factors can be compared."""

    @property
    def highest(self) -> int:
        """The highest degree of a term; 0 where nothing grows."""
        return max((found.degree for found in self.grown), default=0)

    def of_degree(self, degree: int) -> tuple[Grown, ...]:
        """The terms that grow with this power, the largest first."""
        return tuple(found for found in self.grown if found.degree == degree)

    def share(self, degree: int) -> float:
        """The part of the component's bytes that terms of this power have, from 0 to 1."""
        total = sum(int(found.term.bytes) for found in self.grown)
        return sum(int(found.term.bytes) for found in self.of_degree(degree)) / total if total else 0.0


def power_name(slope: float) -> str:
    """`linear` for 1, `between linear and quadratic` for 1.4."""
    nearest = round(slope)
    if abs(slope - nearest) <= NEAR and 0 <= nearest < len(POWERS):
        return POWERS[nearest]
    below = int(np.floor(slope))
    if 0 <= below < len(POWERS) - 1:
        return f"between {POWERS[below]} and {POWERS[below + 1]}"
    return "falling" if slope < 0 else "steeper than cubic"


def axis(scenario: Scenario, against: str) -> tuple[int, ...]:
    """The numbers of the axis: doublings from the shortest context, or from one sequence."""
    if against == "batch":
        return doublings(1, BATCHES[-1])
    return doublings(SHORTEST, context_stops(deployed(scenario).model.max_position_embeddings)[-1])


@lru_cache(maxsize=128)
def growth_lines(scenario: Scenario, against: str) -> tuple[GrowthLine, ...]:
    """A line for every component that has bytes, in the phase of the scenario, where the engine starts. Raises InputError."""
    deployment, numbers = deployed(scenario), axis(scenario, against)
    if against == "context":
        components = {
            name: grid[:, 0] for name, grid in over_grid(deployment, numbers, [scenario.batch_size]).components.items()
        }
    else:
        components = {
            name: grid[0] for name, grid in over_grid(deployment, [scenario.context_length], numbers).components.items()
        }
    starts = np.isfinite(sum(components.values(), start=np.zeros(len(numbers))))
    numbers = tuple(number for number, taken in zip(numbers, starts, strict=True) if taken)
    return tuple(
        GrowthLine(name, numbers, tuple(int(value) for value in values))
        for name, values in ((name, all_[starts]) for name, all_ in components.items())
        if values.min() > 0
    )


@lru_cache(maxsize=256)
def growths(scenario: Scenario, against: str) -> tuple[Growth, ...]:
    """Every component at the scenario's own point, in the phase that counts there. Raises InputError.

    Against twice the number; where the engine refuses that, against half of it.
    """
    now = breakdown(deployed(scenario))
    number = getattr(scenario, AGAINST[against])
    twice = min(2 * number, MOST[against])
    try:
        other, last = deployed(replace(scenario, **{AGAINST[against]: twice})), twice
    except InputError:
        last = max(1, number // 2)
        other = deployed(replace(scenario, **{AGAINST[against]: last}))
    there = breakdown(in_phase(other, now.phase))
    return tuple(_growth(part, there[part.name], last / number) for part in now if int(part.bytes))


def _growth(now: Component, later: Component, ratio: float) -> Growth:
    moment = now.busiest
    same = next((other for other in later.moments if other.name == moment.name), None)
    terms = sorted(moment.terms, key=lambda term: -int(term.bytes))
    held = [term for term in terms if int(term.bytes)]
    matched = same is not None and Counter(map(_kind, terms)) == Counter(map(_kind, same.terms))
    slope = _slope(int(now.bytes), int(later.bytes), ratio)
    if same is None or not matched:
        return Growth(now.name, int(now.bytes), slope, moment.name, tuple(Grown(term, ()) for term in held), False)
    partners = _partners(moment.terms, same.terms)
    pairs = [(term, partners[id(term)]) for term in held]
    grown = tuple(Grown(term, _repeats(term, other) if ratio > 1 else _repeats(other, term)) for term, other in pairs)
    return Growth(now.name, int(now.bytes), slope, moment.name, grown, True)


def _partners(now: tuple[Term, ...], later: tuple[Term, ...]) -> dict[int, Term]:
    """The term of the same kind at twice the number; the first of several with the first of them."""
    waiting = list(later)
    found = {}
    for term in now:
        partner = next(other for other in waiting if _kind(other) == _kind(term))
        waiting = [other for other in waiting if other is not partner]
        found[id(term)] = partner
    return found


def _kind(term: Term) -> tuple[str, ...]:
    return (term.label, *(factor.name for factor in term.factors))


def _repeats(now: Term, later: Term) -> tuple[str, ...]:
    """Names of the factors that are larger at twice the number."""
    return tuple(a.name for a, b in zip(now.factors, later.factors, strict=True) if float(b.value) > float(a.value))


def _slope(now: float, later: float, ratio: float) -> float:
    return log2(later / now) / log2(ratio) if ratio != 1 else 0.0
