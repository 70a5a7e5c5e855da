"""The live view: verdict, bars, and what fits, all following the sliders while these are dragged."""

from __future__ import annotations

import streamlit as st

from .. import live
from ..advice import what_would_fit
from ..controls import Chosen
from ..live.drawing import configuration, of_columns, of_scenario
from ..live.lever_columns import lever_columns

DRAWS_LIVE = True
BARS = {"context": "Against context", "batch": "Against batch size", "levers": "Levers"}


def show(chosen: Chosen) -> None:
    """The chart in the chosen kind of bars, with the tables of the scenario, or of what could be changed about it."""
    scenario, unit = chosen.scenario, chosen.unit
    bars, by_part = _choices(chosen.present)
    if bars == "levers":
        live.draw(of_columns(lever_columns(configuration(scenario)), "columns", scenario, unit, by_part))
    else:
        live.draw(of_scenario(scenario, bars, unit, by_part), lambda: what_would_fit(scenario, unit))


def _choices(present: bool) -> tuple[str, bool]:
    """What the bars stand for, and whether weights and cache are split; a room sees the picture alone."""
    if not present:
        with st.container(horizontal=True, vertical_alignment="center", key="memory_choices"):
            st.segmented_control(
                "Bars",
                list(BARS),
                help="What the bars stand for: longer contexts, more sequences at once, or changes that could be made.",
                key="memory_bars",
                persist_state="session",
                format_func=BARS.__getitem__,
                required=True,
                label_visibility="collapsed",
                width="content",
            )
            st.toggle(
                "Parts",
                key="memory_parts",
                persist_state="session",
                help="Weights by embedding, attention, experts or MLP, head, norms; the cache by full attention, "
                "window, latent rows, state.",
            )
    return st.session_state.memory_bars, st.session_state.memory_parts
