"""Scenarios under a name, kept by the reader's own browser and never by the server."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_saved = st.components.v2.component(
    "memory_saved_scenarios",
    html='<div class="saved"><form><input maxlength="80" aria-label="Name of the scenario"><button>Save</button></form><ul></ul><p aria-live="polite"></p></div>',
    css=(Path(__file__).parent / "saved.css").read_text(encoding="utf-8"),
    js=(Path(__file__).parent / "saved.js").read_text(encoding="utf-8"),
)


def saved_scenarios(query: str, name: str, view: str) -> None:
    """The list of saved scenarios, each a link; `query` is what is saved, `name` what it is called unless renamed.

    `view` is the place of the view that is shown, empty for the first one; a link opens in the view that it was saved in.
    """
    _saved(key="saved_scenarios", data={"query": query, "name": name, "view": view})
