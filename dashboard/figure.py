"""How every Plotly figure stands on a page: its title, one sentence computed for this scenario, and the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from plotly.basedatatypes import BaseFigure  # type: ignore[import-untyped]

from .take_along.figure_buttons import figure_buttons, unmarked

Row = dict[str, Any]
ROOM_TEXT, LARGE = "room_text", 21
"""Where the session keeps the height of the text in a room, and what it begins with."""
QUIET = {"displayModeBar": False, "displaylogo": False, "showSendToCloud": False}


class Drawn(BaseFigure):  # type: ignore[misc]
    """A figure as `charts` made it, which Streamlit passes on: its keys are checked by tests, not at every refresh.

    Plotly's own check took 5 of the 43 ms of a core that a refresh of the hardware view took.
    """

    def __init__(self, figure: dict[str, Any]) -> None:
        self._made = figure

    def to_dict(self) -> dict[str, Any]:
        return self._made


def show(figure: dict[str, Any], *, key: str, title: str, sentence: str, rows: Sequence[Row] = ()) -> None:
    """Draw a figure that `charts` made.

    `sentence` is Markdown whose names were passed through `wording.plain`, and what a screen reader says of the picture;
    `rows` are the figure's numbers, one dict a row with the same keys, bytes as whole numbers. A room sees no files to
    take along.
    """
    present = st.session_state.get("present")
    if not (present and st.session_state.get("story")):  # a story has a title of its own
        st.markdown(f"## {title}")
    st.markdown(sentence)
    with st.container(border=True):
        draw(figure, key, f"{title}. {unmarked(sentence)}")
    if present:
        return
    size = figure["layout"].get("font", {}).get("size", 14)
    figure_buttons(key, title=title, sentence=sentence, size=size, rows=rows, name=key.replace("_", "-"))


def draw(figure: dict[str, Any], key: str, alt: str) -> None:
    """The figure alone; `alt` says in words what it shows."""
    st.plotly_chart(Drawn(figure), key=key, config=QUIET, theme=None, alt=alt)


def text_size(present: bool) -> int:
    """The height of a figure's text in pixels, which everything in it follows: in a room as large as the window allows."""
    return int(st.session_state.get(ROOM_TEXT, LARGE)) if present else 14


def theme() -> str:
    """`light` or `dark`, as the page is."""
    return "dark" if st.context.theme.type == "dark" else "light"
