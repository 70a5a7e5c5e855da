"""The edge of what fits on a device: the longest context of every batch size, for each line of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from memory_model import Scenario
from memory_model.estimate import breakdown

from ..live.drawing import configuration
from ..live.farthest import largest_batch, longest_context
from ..live.reach import largest_batches, longest_contexts
from ..own_models import deployed
from ..stops import BATCHES, SHORTEST
from .lines import Line


@dataclass(frozen=True, slots=True)
class Frontier:
    """A line of the picture, in tokens per sequence and sequences, with how it stands at the chosen point in bytes."""

    line: Line
    longest: tuple[int, ...]
    """The longest context of each batch size of `stops.BATCHES`; 0 where not even one token fits."""
    most_sequences: int
    """The largest batch at the shortest context of the sliders."""
    total: int
    limit: int
    longest_here: int
    """The longest context at the chosen batch size."""
    most_here: int
    """The largest batch at the chosen context length."""

    @property
    def fits(self) -> bool:
        """Whether the chosen point fits."""
        return self.total <= self.limit

    @property
    def is_empty(self) -> bool:
        """Whether nothing fits, not one token of one sequence."""
        return self.longest[0] == 0


def frontiers(lines: Sequence[Line]) -> tuple[Frontier, ...]:
    """One frontier a line, the one that reaches furthest first. Every scenario has a device; raises InputError."""
    found = [frontier(line) for line in lines]
    return tuple(sorted(found, key=lambda one: (-one.longest[0], -one.most_here, one.line.label)))


def frontier(line: Line) -> Frontier:
    """The frontier of one line. Its scenario has a device; raises InputError."""
    longest, most = _edge(configuration(line.scenario))
    return Frontier(line, longest, most, *_here(line.scenario))


@lru_cache(maxsize=256)
def _edge(scenario: Scenario) -> tuple[tuple[int, ...], int]:
    """Pass a `configuration`: the edge does not follow the sliders."""
    deployment = deployed(scenario)
    longest = tuple(int(tokens) for tokens in longest_contexts(deployment, BATCHES))
    return longest, int(largest_batches(deployment, [SHORTEST])[0])


@lru_cache(maxsize=1024)
def _here(scenario: Scenario) -> tuple[int, int, int, int]:
    deployment = deployed(scenario)
    limit = deployment.engine.memory_limit(deployment)
    return int(breakdown(deployment).bytes), limit, longest_context(scenario), largest_batch(scenario)
