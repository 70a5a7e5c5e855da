"""The same stack against batch size, drawn when a control is released."""

from __future__ import annotations

import streamlit as st

from memory_model.estimate import over_grid

from ..charts.batch import batch_chart
from ..controls import Chosen
from ..stops import batch_bars
from ..wording import amount, count, plain


def show(chosen: Chosen) -> None:
    """Twelve batch sizes around the chosen one, at the chosen context length."""
    scenario, deployment = chosen.scenario, chosen.deployment
    batches = batch_bars(scenario.batch_size)
    grid = over_grid(deployment, [scenario.context_length], [*batches, 1, 2])
    components = {name: [int(value) for value in values[0]] for name, values in grid.components.items()}
    totals = [int(value) for value in grid.bytes[0]]
    st.subheader("Memory against batch size")
    st.markdown(
        f"One sequence of {count(scenario.context_length, 'token')} needs {amount(totals[-2], chosen.unit)} in all; "
        f"a second one adds {amount(totals[-1] - totals[-2], chosen.unit)}, since the weights are shared. "
        f"At {count(scenario.batch_size, 'sequence')} it is {amount(int(totals[batches.index(scenario.batch_size)]), chosen.unit)}."
    )
    figure = batch_chart(
        batches,
        {name: values[: len(batches)] for name, values in components.items()},
        now=scenario.batch_size,
        unit=chosen.unit,
        capacity=deployment.engine.memory_limit(deployment) if deployment.device else None,
        device=deployment.device.name if deployment.device else "",
        theme="dark" if st.context.theme.type == "dark" else "light",
        size=21 if chosen.present else 14,
    )
    with st.container(border=True):
        st.plotly_chart(figure, key="batch_chart", config={"displaylogo": False, "showSendToCloud": False}, theme=None)
    st.caption(plain(f"{deployment.model.name}, {deployment.scheme.name}, {scenario.phase} phase."))
