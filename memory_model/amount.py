"""Amounts of memory that carry their own formula.

Every number that this package reports is a sum of terms, and every term is the product of named factors. The product
is computed from the factors, so the formula on screen cannot drift from the number beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .tables import Columns, frame, html
from .units import gib

Number = int | npt.NDArray[np.float64]
"""An exact integer at a point, or float64 values over a grid that broadcast together."""


class Lever(Enum):
    """Who decides a factor, hence what a reader can change to move the number."""

    MODEL = "model architecture"
    PRECISION = "number format"
    WORKLOAD = "workload"
    ENGINE = "inference engine"
    DEVICE = "device"
    FIXED = "fixed"


class Evidence(Enum):
    """How far a number can be trusted."""

    EXACT = "exact"
    MEASURED = "measured"
    ASSUMED = "assumed"


class Factor(NamedTuple):
    """One named number in a product. `Fraction` values are for formats that pack several values in a byte."""

    name: str
    value: Number | Fraction
    lever: Lever
    note: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """A number of bytes that equals the product of its factors, rounded up to a whole byte."""

    label: str
    factors: tuple[Factor, ...]
    source: str = ""
    part: str = ""
    """The share of the component that the term belongs to, such as `experts` or `window of 4,096`."""
    bytes: Number = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bytes", product([factor.value for factor in self.factors]))

    def formula(self) -> str:
        """Names, values and result, from the tuple that was multiplied; defined at a point, not over a grid."""
        names = " × ".join(factor.name for factor in self.factors)
        values = " × ".join(str(f.value) if isinstance(f.value, Fraction) else f"{f.value:,}" for f in self.factors)
        return f"{names}\n= {values}\n= {self.bytes:,} bytes"


@dataclass(frozen=True, slots=True)
class Moment:
    """Terms that are held at the same time."""

    name: str
    terms: tuple[Term, ...]
    source: str = ""
    happens: Number = 1
    """Over a grid, 0 where it does not happen."""

    @property
    def bytes(self) -> Number:
        return self.happens * sum((term.bytes for term in self.terms), start=0)


@dataclass(frozen=True, slots=True)
class Component:
    """One colour of the stacked bar: as large as its busiest moment."""

    name: str
    moments: tuple[Moment, ...]
    evidence: Evidence = Evidence.EXACT
    note: str = ""
    """How the evidence was obtained, or what is simplified."""
    between: tuple[int, int] | None = None
    """The least and the most bytes that measurements leave possible, where they are a range; `bytes` lies within."""

    @property
    def bytes(self) -> Number:
        return largest([moment.bytes for moment in self.moments])

    @property
    def busiest(self) -> Moment:
        """The moment with the most bytes; defined at a point, not over a grid."""
        return max(self.moments, key=lambda moment: moment.bytes)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms of the busiest moment; defined at a point, not over a grid."""
        return self.busiest.terms


@dataclass(frozen=True, slots=True)
class MemoryBreakdown:
    """The stacked bar: components in drawing order, for one phase of a scenario."""

    phase: str
    components: tuple[Component, ...]
    host: tuple[Component, ...] = ()
    """What the engine keeps in host memory instead, by component."""

    def __getitem__(self, name: str) -> Component:
        for component in self.components:
            if component.name == name:
                return component
        raise KeyError(f"{name!r} is not a component; known: {', '.join(c.name for c in self.components)}")

    def __iter__(self) -> Iterator[Component]:
        return iter(self.components)

    @property
    def bytes(self) -> Number:
        return sum((component.bytes for component in self.components), start=0)

    def columns(self) -> Columns:
        """Every component, on the device and then in host memory, at a point."""
        rows = [*(("device", part) for part in self.components), *(("host", part) for part in self.host if part.bytes)]
        return {
            "place": [place for place, _ in rows],
            "component": [part.name for _, part in rows],
            "bytes": [part.bytes for _, part in rows],
            "evidence": [part.evidence.value for _, part in rows],
        }

    def to_frame(self) -> Any:
        """A pandas DataFrame of `columns()`. Raises ImportError where pandas is not installed."""
        return frame(self.columns())

    def _repr_html_(self) -> str:
        """What a notebook shows: the total in the caption, then each component."""
        columns = self.columns()
        sizes = [gib(size) for size in columns["bytes"]]
        return html(f"{gib(int(self.bytes))} in {self.phase}", {**columns, "size": sizes})


def product(values: list[Number | Fraction]) -> Number:
    """The product, rounded up to a whole number at a point. Single numbers first, so that a grid is touched least."""
    points: Any = 1
    grids = []
    for value in values:
        if type(value) is int or not isinstance(value, np.ndarray):  # nearly all are whole numbers
            points *= value
        else:
            grids.append(value)
    whole = type(points) is int or not isinstance(points, Fraction)
    result: Any = points if whole else math.ceil(points)
    for grid in grids:
        result = grid * result
    return result  # type: ignore[no-any-return]


def largest(amounts: list[Number]) -> Number:
    """The elementwise maximum of points and grids; 0 of nothing."""
    most: Number = 0
    for amount in amounts:
        point = isinstance(most, int) and isinstance(amount, int)
        most = max(most, amount) if point else np.maximum(most, amount)
    return most
