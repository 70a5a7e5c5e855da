"""How every page looks, and the page for a room: large, and nothing on it but what is said."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from .echoes import place
from .figure import LARGE, ROOM_TEXT
from .theme import BACKGROUND

FOLDER = Path(__file__).parent
FIGURES = next((path.name for path in Path(st.__file__).parent.glob("static/static/js/PlotlyChart.*.js")), None)
"""Streamlit's script that draws figures, beside its others; None where a version of Streamlit names it otherwise."""
_outside = st.components.v2.component(
    "memory_outside",
    html="<i hidden></i>",
    js="".join((FOLDER / name).read_text(encoding="utf-8") for name in ("ahead.js", "outside.js")),
)
_fit = st.components.v2.component(
    "memory_present_fit", html="<i hidden></i>", js=(FOLDER / "present_fit.js").read_text(encoding="utf-8")
)
PAGE = "".join(f"html[data-palette={palette}] {{ --page: {colour}; }}" for palette, colour in BACKGROUND.items())
"""The page's colour for what stays in place above what scrolls; see-through until the browser has said which palette it is."""
EVERYWHERE = PAGE + (FOLDER / "page.css").read_text(encoding="utf-8")
ROOM = (FOLDER / "present.css").read_text(encoding="utf-8")
TOLD = ".memory-live :is(.sentence, .advice[data-over=false]), :is(.st-key-numbers_section, .st-key-trade_offs_section) { display: none; }"
"""A story says for itself what the picture's own sentence would repeat, and chooses the section."""


def dress() -> None:
    """How the page looks wherever it is opened. Around the body, which is drawn far more often."""
    _outside(key="outside", data={"figures": FIGURES})
    st.html(f"<style>{EVERYWHERE}</style>")


def apply(present: bool, told: bool) -> None:
    """Hide what a room does not need, but for the way back. `told`: a story says the sentence."""
    if present or told:
        st.html(f"<style>{ROOM if present else ''}{TOLD if told else ''}</style>")
    if present:
        _fit(key="present_fit", on_size_change=_fitted)
        shut = {"present": False}
        st.button(
            "Leave the presentation",
            key="leave",
            icon=":material/close_fullscreen:",
            help="Leave the presentation (Esc)",
            shortcut="Esc",
            on_click=place,
            args=(shut,),
            type="tertiary",
        )


def _fitted() -> None:
    """Keep the height of the figures' text that the window has room for; the figures follow in this very run.

    A page that has been left since, as the next step of a story does, has no such component any more.
    """
    size = getattr(st.session_state.get("present_fit"), "size", None)
    if isinstance(size, int) and 1 <= size <= 2 * LARGE:
        st.session_state[ROOM_TEXT] = size
