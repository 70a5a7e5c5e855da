"""What a live drawing shows: which bars, of which scenarios, and which tables these need."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from memory_model import Scenario

from ..own_models import shape
from ..stops import BATCHES, SHORTEST, bar_positions, batch_bars, context_stops

MODES = ("context", "batch", "columns", "strip")
"""Bars against context length, against batch size, one bar a scenario, or the verdict alone."""


@dataclass(frozen=True, slots=True)
class Column:
    """One scenario of a drawing, with the name that stands under its bar."""

    label: str
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class Drawing:
    """A live drawing and the state that its sliders rest at."""

    mode: str
    columns: tuple[Column, ...]
    """The first one is what the page shows; the modes other than `columns` have only this one."""
    context_length: int
    batch_size: int
    unit: str
    by_part: bool = False
    """Weights and cache split into their parts."""

    @property
    def stops(self) -> tuple[int, ...]:
        """Where the context slider stops."""
        return context_stops(shape(self.columns[0].scenario.model).max_position_embeddings)

    @property
    def identity(self) -> str:
        """A short name of all but the two sliders; tables of different drawings are never drawn together."""
        columns = [(column.label, configuration(column.scenario)) for column in self.columns]
        return hashlib.sha256(repr((self.mode, columns, self.by_part)).encode()).hexdigest()[:12]

    def while_context_moves(self) -> tuple[Sequence[int], Sequence[int]]:
        """Context lengths and batch sizes of every bar at every stop of the context slider."""
        if self.mode == "context":
            return sorted({position for stop in self.stops for position in bar_positions(stop)}), [self.batch_size]
        if self.mode == "batch":
            return self.stops, sorted({1, 2, *batch_bars(self.batch_size)})
        return self.stops, [self.batch_size]

    def while_batch_moves(self) -> tuple[Sequence[int], Sequence[int]]:
        """Context lengths and batch sizes of every bar at every stop of the batch slider."""
        stops = sorted({*BATCHES, self.batch_size})
        if self.mode == "context":
            return sorted(set(bar_positions(self.context_length))), stops
        if self.mode == "batch":
            return [self.context_length], sorted({bar for stop in stops for bar in batch_bars(stop)})
        return [self.context_length], stops


def configuration(scenario: Scenario) -> Scenario:
    """The scenario without its two sliders: what does not change while they move."""
    return replace(scenario, context_length=SHORTEST, batch_size=1)


def of_scenario(scenario: Scenario, mode: str, unit: str, by_part: bool = False) -> Drawing:
    """The drawing of one scenario."""
    return Drawing(mode, (Column("", scenario),), scenario.context_length, scenario.batch_size, unit, by_part)
