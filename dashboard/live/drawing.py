"""What a live drawing shows: which bars, of which scenarios, and which tables these need."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from memory_model import Scenario
from memory_model.deployment import Deployment
from memory_model.model_shape import ModelShape

from ..own_models import deployed, shape
from ..stops import BATCHES, SHORTEST, bar_positions, batch_bars, context_stops


@dataclass(frozen=True, slots=True)
class Column:
    """One scenario of a drawing, with the name that stands under its bar."""

    label: str
    scenario: Scenario
    model: ModelShape | None = None
    """The model of a what-if, in place of the scenario's."""

    def deployed(self) -> Deployment:
        """The scenario with its names resolved. Raises InputError."""
        return deployed(self.scenario, self.model)

    def configuration(self) -> Column:
        """The column without its two sliders: what does not change while they move."""
        return replace(self, scenario=configuration(self.scenario))


@dataclass(frozen=True, slots=True)
class Drawing:
    """A live drawing and the state that its sliders rest at."""

    mode: str
    """`context` and `batch`: bars against one of both; `columns`: a bar for each scenario; `strip`: the verdict alone."""
    columns: tuple[Column, ...]
    """What is compared; the modes other than `columns` have only what the page shows."""
    supported: int
    """The longest context of the page's model, which decides where the context slider stops."""
    context_length: int
    batch_size: int
    unit: str
    by_part: bool = False
    """Weights and cache split into their parts."""

    @property
    def stops(self) -> tuple[int, ...]:
        """Where the context slider stops."""
        return context_stops(self.supported)

    @property
    def identity(self) -> str:
        """A short name of all but the two sliders; tables of different drawings are never drawn together."""
        columns = [column.configuration() for column in self.columns]
        return hashlib.sha256(repr((self.mode, columns, self.supported, self.by_part)).encode()).hexdigest()[:12]

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
    return of_columns((Column("", scenario),), mode, scenario, unit, by_part)


def of_columns(columns: tuple[Column, ...], mode: str, shown: Scenario, unit: str, by_part: bool = False) -> Drawing:
    """The drawing of columns at the sliders of what the page shows."""
    supported = shape(shown.model).max_position_embeddings
    return Drawing(mode, columns, supported, shown.context_length, shown.batch_size, unit, by_part)
