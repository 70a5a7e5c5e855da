"""The numbers as exact bytes, and both grids to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import streamlit as st

from memory_model.amount import MemoryBreakdown
from memory_model.estimate import breakdown, over_grid

from ..controls import Chosen
from ..stops import BATCHES, SHORTEST, context_stops, doublings
from ..theme import STACK, style
from ..wording import UNITS, amount


def show(chosen: Chosen) -> None:
    """The table of the scenario, its CSV, and the CSV of the sweep in long form."""
    memory = breakdown(chosen.deployment)
    st.subheader("Exact bytes")
    st.markdown(
        f"{amount(memory.bytes, chosen.unit)} are {int(memory.bytes):,} bytes; the parts add up to exactly that."
    )
    table = rows(memory, chosen.unit)
    st.dataframe(
        table,
        hide_index=True,
        key="bytes_table",
        placeholder="",
        column_config={"bytes": st.column_config.NumberColumn(format="localized")},
    )
    with st.container(horizontal=True):
        icon = ":material/download:"
        st.download_button(
            "This scenario as CSV",
            as_csv(list(table[0]), (row.values() for row in table)),
            "memory.csv",
            "text/csv",
            on_click="ignore",
            icon=icon,
        )
        st.download_button(
            "Context × batch grid as CSV", grid_csv(chosen), "memory-grid.csv", "text/csv", on_click="ignore", icon=icon
        )


def rows(memory: MemoryBreakdown, unit: str) -> list[dict[str, str | int | float | None]]:
    """One row a component in drawing order, the total, then what is in host memory: bytes, the page's unit, share, evidence."""
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


def grid_csv(chosen: Chosen) -> str:
    """`grid_rows` as the text of a CSV file."""
    found = grid_rows(chosen)
    return as_csv(list(found[0]), (row.values() for row in found))


def grid_rows(chosen: Chosen) -> list[dict[str, str | int]]:
    """Context lengths and batch sizes in doublings: one row a point and component, in bytes."""
    stops = context_stops(chosen.deployment.model.max_position_embeddings)
    contexts, batches = doublings(SHORTEST, stops[-1]), doublings(1, BATCHES[-1])
    contexts, batches = (
        sorted({*contexts, chosen.scenario.context_length}),
        sorted({*batches, chosen.scenario.batch_size}),
    )
    grid = over_grid(chosen.deployment, contexts, batches)
    return [
        {
            "context_length": context,
            "batch_size": batch,
            "component": part.name,
            "bytes": int(grid.components[part.name][i, j]),
        }
        for i, context in enumerate(contexts)
        for j, batch in enumerate(batches)
        for part in STACK
    ]


def as_csv(header: Sequence[str], lines: Iterable[Iterable[object]]) -> str:
    """Text of a CSV file."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return file.getvalue()
