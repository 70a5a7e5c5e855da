"""The page's numbers as tables, and tables as the text of a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from memory_model import Scenario
from memory_model.amount import MemoryBreakdown
from memory_model.deployment import Deployment
from memory_model.estimate import over_grid

from ..stops import BATCHES, SHORTEST, context_stops, doublings
from ..theme import STACK, style
from ..wording import UNITS

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def rows(memory: MemoryBreakdown, unit: str) -> list[dict[str, str | int | float | None]]:
    """One row a component in drawing order, the total, then the same of what is in host memory: bytes, the page's unit, share, evidence."""
    total = int(memory.bytes)
    found = []
    for part in STACK:
        component = memory[part.name]
        size = int(component.bytes)
        found.append(_row(style(part.name).label, size, total, unit, component.evidence.value))
    found.append(_row("Total", total, total, unit, ""))
    for component in memory.host:
        size = int(component.bytes)
        if size:
            label = f"{style(component.name).label}, in host memory"
            found.append(_row(label, size, None, unit, component.evidence.value))
    if held := sum(int(component.bytes) for component in memory.host):
        found.append(_row("Total, in host memory", held, None, unit, ""))
    return found


def _row(label: str, size: int, total: int | None, unit: str, evidence: str) -> dict[str, str | int | float | None]:
    share = round(100 * size / total, 2) if total else None
    return {
        "component": label,
        "bytes": size,
        unit: round(size / UNITS[unit], 3),
        "share, %": share,
        "evidence": evidence,
    }


def grid_rows(scenario: Scenario, deployment: Deployment) -> list[dict[str, str | int]]:
    """Context lengths and batch sizes in doublings: one row a component and point at which the engine starts, in bytes."""
    stops = context_stops(deployment.model.max_position_embeddings)
    contexts = sorted({*doublings(SHORTEST, stops[-1]), scenario.context_length})
    batches = sorted({*doublings(1, BATCHES[-1]), scenario.batch_size})
    grid = over_grid(deployment, contexts, batches)
    return [
        {
            "context_length": context,
            "batch_size": batch,
            "component": part.name,
            "bytes": int(grid.components[part.name][i, j]),
        }
        for i, context in enumerate(contexts)
        for j, batch in enumerate(batches)
        if np.isfinite(grid.bytes[i, j])
        for part in STACK
    ]


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows of a table, whose keys head the columns."""
    file, keys = io.StringIO(), list(rows[0]) if rows else []
    writer = csv.writer(file, lineterminator="\n")
    for row in (keys, *([row[key] for key in keys] for row in rows)):
        writer.writerow([cell(value) for value in row])
    return file.getvalue()


def cell(value: Any) -> Any:
    """Numbers as they are; text so that no spreadsheet takes it for a formula."""
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text
