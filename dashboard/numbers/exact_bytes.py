"""The numbers as exact bytes, and both grids to take away."""

from __future__ import annotations

import streamlit as st

from memory_model.estimate import breakdown

from ..controls import Chosen
from ..take_along.tables import as_csv, grid_rows, rows
from ..wording import amount


def show(chosen: Chosen) -> None:
    """The table of the scenario, its CSV, and the CSV of the sweep in long form."""
    scenario, deployment = chosen.scenario, chosen.deployment
    memory = breakdown(deployment)
    st.markdown("## Exact bytes")
    held = sum(int(part.bytes) for part in memory.host)
    beside = f" In host memory beside the device: {amount(held, chosen.unit)}, {held:,} bytes." if held else ""
    if deployment.options.placement == "cpu":
        beside = " All of it is host memory."
    st.markdown(
        f"{amount(int(memory.bytes), chosen.unit)} are {int(memory.bytes):,} bytes; the parts add up to exactly that.{beside}"
    )
    table = rows(memory, chosen.unit)
    st.dataframe(
        table,
        hide_index=True,
        key="bytes_table",
        placeholder="",
        column_config={
            "bytes": st.column_config.NumberColumn(format="localized"),
            chosen.unit: st.column_config.NumberColumn(format="%.3f"),
            "share, %": st.column_config.NumberColumn(format="%.2f"),
        },
    )
    with st.container(horizontal=True):
        icon = ":material/download:"
        st.download_button(
            "This scenario as CSV",
            as_csv(table),
            "memory.csv",
            "text/csv",
            on_click="ignore",
            icon=icon,
        )
        st.download_button(
            "Context × batch grid as CSV",
            lambda: as_csv(grid_rows(scenario, deployment)),
            "memory-grid.csv",
            "text/csv",
            on_click="ignore",
            icon=icon,
        )
