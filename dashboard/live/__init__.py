"""The live chart: one drawing that follows the sliders while they are dragged, and three small feeds of its tables."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from ..theme import stack_for_browser
from .payload import Part

FOLDER = Path(__file__).parent
SCRIPTS = (
    "store.js",
    "words.js",
    "shapes.js",
    "cards.js",
    "axis.js",
    "bars.js",
    "map.js",
    "picture.js",
    "thumb.js",
    "mount.js",
)
"""One module in the browser, in this order; only the last one exports."""

_chart = st.components.v2.component(
    "memory_live_chart",
    html='<div class="memory-live"></div>',
    css=(FOLDER / "live.css").read_text(encoding="utf-8"),
    js="\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS),
    isolate_styles=False,
)
_feed = st.components.v2.component(
    "memory_live_feed", html="<i hidden></i>", js=(FOLDER / "feed.js").read_text(encoding="utf-8"), isolate_styles=False
)


def draw() -> None:
    """Mount the chart. Its own data never changes, so that Streamlit sends its code once."""
    _chart(key="live_chart", data={"stack": stack_for_browser()})


def feed(part: Part) -> None:
    """Hand one part of the tables to the chart, in an element that takes no room."""
    _feed(key=f"live_feed_{part['part']}", data=part)
