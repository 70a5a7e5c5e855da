"""When the whole page must be drawn anew, and when its body alone, which is half of the work.

What is changed in the body (the sliders, a view's own controls) draws the body. Where that sets what the side bar shows,
or asks for another view or a story's step, the page follows as a whole.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from .echoes import SLIDERS
from .parameters import PAGE, SCENARIO

AROUND = tuple(parameter.key for parameter in (*SCENARIO, *PAGE) if parameter.key not in SLIDERS)
"""What is shown around the body."""
DRAWN = "drawn_around"
"""Where the session keeps what is drawn around the body; None while the whole page is being drawn."""


def begin_page() -> None:
    """Begin to draw the whole page."""
    st.session_state[DRAWN] = None


def end_page() -> None:
    """The whole page is drawn."""
    st.session_state[DRAWN] = _around()


def body_alone() -> bool:
    """Whether the body is drawn without the rest of the page."""
    return st.session_state.get(DRAWN) is not None


def follow() -> None:
    """Draw the whole page instead, where the body alone would not show what was set."""
    if body_alone() and ("asked_view" in st.session_state or st.session_state[DRAWN] != _around()):
        st.rerun()


def _around() -> tuple[Any, ...]:
    values = st.session_state.link_values
    return tuple(values[key] for key in AROUND)
