"""How far a number was measured: the row of the accuracy table that stands behind a component."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import yaml

from .amount import Component, Evidence
from .deployment import Deployment
from .files.places import PRESETS

ACCURACY_FILE = PRESETS / "accuracy.yaml"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One engine's quantity, or that of one of its versions, over all its measured cases; errors are shares of the measurement."""

    engine: str
    quantity: str
    cases: int
    exact: int
    median_error: float
    ninety_fifth_error: float
    """The smallest error that 95 of 100 cases do not exceed."""
    worst_error: float


@lru_cache(maxsize=1)
def accuracy_table() -> tuple[Accuracy, ...]:
    """The table as it was last computed."""
    return tuple(Accuracy(**row) for row in yaml.safe_load(ACCURACY_FILE.read_text(encoding="utf-8")))


def measured(deployment: Deployment, component: Component) -> Accuracy | None:
    """The measurements behind a component of an inference engine; None where it is assumed, or nothing was measured."""
    if component.evidence is Evidence.ASSUMED:
        return None
    facts = deployment.engine.facts
    quantity = deployment.engine.measured_as(component.name, deployment)
    names = (facts.name, f"{facts.name} {facts.version.split()[0].rpartition('.')[0]}", f"{facts.name} {facts.version}")
    for row in accuracy_table():
        if row.engine in names and row.quantity == quantity:
            return row
    return None


def said(row: Accuracy, version: str) -> str:
    """The row in words, for people."""
    errors = f"median error {row.median_error:.2%}, worst {row.worst_error:.2%}"
    if row.exact == row.cases:
        errors = "every one equal to the byte"
    elif row.exact > row.cases / 2:
        errors = f"{row.exact:,} equal to the byte, worst error {row.worst_error:.2%}"
    return f"compared in {row.cases:,} cases of {version}: {errors}"
