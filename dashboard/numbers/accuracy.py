"""The table of how close the numbers come to what engines measured, as it was computed."""

from __future__ import annotations

import streamlit as st

from memory_model.estimate import breakdown, in_phase
from memory_model.evidence import accuracy_table, measured, said

from ..controls import Chosen
from ..take_along.tables import as_csv
from ..theme import style
from ..wording import plain


def show(chosen: Chosen) -> None:
    """What stands behind this scenario's numbers, then the whole table."""
    st.markdown("## How close the numbers come")
    _of_scenario(chosen)
    st.markdown(
        "All measurements of the repository, by engine and quantity. Errors are shares of what was measured; "
        "`python -m memory_model accuracy` computes the table, nobody types it."
    )
    rows = [
        {
            "engine": row.engine,
            "quantity": row.quantity,
            "cases": row.cases,
            "equal to the byte": row.exact,
            "median error": f"{row.median_error:.2%}",
            "95 of 100 within": f"{row.ninety_fifth_error:.2%}",
            "worst error": f"{row.worst_error:.2%}",
        }
        for row in accuracy_table()
    ]
    whole = st.column_config.NumberColumn(format="localized")
    columns = {"cases": whole, "equal to the byte": whole}
    height = 3 + 35 * (len(rows) + 1)
    st.dataframe(rows, hide_index=True, key="accuracy_table", height=height, column_config=columns)
    st.download_button(
        "CSV",
        as_csv(rows),
        "accuracy.csv",
        "text/csv",
        key="accuracy_csv",
        on_click="ignore",
        icon=":material/download:",
    )


def _of_scenario(chosen: Chosen) -> None:
    memory, engine = breakdown(chosen.deployment), chosen.deployment.engine.facts
    deployment = in_phase(chosen.deployment, memory.phase)
    for component in memory:
        row = measured(deployment, component)
        words = f"{component.evidence.value}"
        if row is not None:
            words += f", {said(row, engine.label)}"
        if component.note:
            words += f" ({component.note})"
        st.markdown(f"- **{style(component.name).label}**: {plain(words)}.")
