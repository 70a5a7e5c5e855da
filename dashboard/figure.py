"""How every Plotly figure stands on a page: its title, one sentence computed for this scenario, and the picture."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import streamlit as st

from .take_along.figure_buttons import figure_buttons

Row = dict[str, Any]
HIDDEN = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);margin:0"
"""For screen readers only."""
QUIET = {"displayModeBar": False, "displaylogo": False, "showSendToCloud": False}


def show(
    figure: dict[str, Any], *, key: str, title: str, sentence: str, rows: Sequence[Row] = (), alt: str = ""
) -> None:
    """Draw a figure that `charts` made.

    `sentence` is Markdown whose names were passed through `wording.plain`; `rows` are the figure's numbers, one dict a
    row with the same keys, bytes as whole numbers; `alt` says in words what the picture shows,
    where the sentence does not.
    """
    st.markdown(f"##### {title}")
    st.markdown(sentence)
    with st.container(border=True):
        st.plotly_chart(figure, key=key, config=QUIET, theme=None)
        if alt:
            st.html(f'<p style="{HIDDEN}">{escape(alt)}</p>')
    size = figure["layout"].get("font", {}).get("size", 14)
    figure_buttons(key, title=title, sentence=sentence, size=size, rows=rows, name=key.replace("_", "-"))


def theme() -> str:
    """`light` or `dark`, as the page is."""
    return "dark" if st.context.theme.type == "dark" else "light"
