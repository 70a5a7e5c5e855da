"""How every Plotly figure stands on a page: its title, one sentence computed for this scenario, and the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

Row = dict[str, Any]


def show(
    figure: dict[str, Any], *, key: str, title: str, sentence: str, rows: Sequence[Row] = (), alt: str = ""
) -> None:
    """Draw a figure that `charts` made.

    `sentence` is Markdown whose names were passed through `wording.plain`; `rows` are the figure's numbers, one dict a
    row with the same keys, bytes as whole numbers; `alt` says in words what the picture shows (the sentence if empty).
    """
    st.markdown(f"##### {title}")
    st.markdown(sentence)
    with st.container(border=True):
        st.plotly_chart(figure, key=key, config={"displaylogo": False, "showSendToCloud": False}, theme=None)


def theme() -> str:
    """`light` or `dark`, as the page is."""
    return "dark" if st.context.theme.type == "dark" else "light"
