"""The live drawings: they follow the sliders while these are dragged, from tables that small feeds hand to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from ..controls import Chosen
from ..theme import stack_for_browser
from .drawing import Drawing, of_scenario
from .payload import Part, advice, parts

FOLDER = Path(__file__).parent
PICTURES = FOLDER.parent / "take_along" / "pictures.js"
SCRIPTS = (
    "store.js",
    "state.js",
    "words.js",
    "sentence.js",
    "heard.js",
    "shapes.js",
    "cards.js",
    "axis.js",
    "frame.js",
    "capacity.js",
    "labels.js",
    "captions.js",
    "bars.js",
    "map.js",
    "picture.js",
    "strip.js",
    "page.js",
    "thumb.js",
    "keys.js",
    "mount.js",
)
"""One module in the browser, in this order; only the last one exports."""
JAVASCRIPT = "\n".join(path.read_text(encoding="utf-8") for path in (PICTURES, *map(FOLDER.joinpath, SCRIPTS)))

_chart = st.components.v2.component(
    "memory_live_chart",
    html='<div class="memory-live"></div><p class="memory-heard" role="status"></p>',
    css=(FOLDER / "live.css").read_text(encoding="utf-8"),
    js=JAVASCRIPT,
    isolate_styles=False,
)
_feed = st.components.v2.component(
    "memory_live_feed", html="<i hidden></i>", js=(FOLDER / "feed.js").read_text(encoding="utf-8"), isolate_styles=False
)


def draw(drawing: Drawing, advised: Callable[[], Sequence[str]] | None = None) -> None:
    """Draw a view's chart and hand it its tables. Its own data never changes, so that Streamlit sends its code once.

    `advised` names what would make the page's scenario fit; it is asked last, so that the chart does not wait for it.
    """
    _chart(key="live_chart", data={"stack": stack_for_browser(), "of": "view"})
    for part in parts(drawing):
        feed(part)
    if advised is not None:
        feed(advice(drawing, advised()))


def strip(chosen: Chosen) -> None:
    """The verdict in one line above views whose own pictures wait for the release; it follows the sliders."""
    _chart(key="live_strip", data={"stack": stack_for_browser(), "of": "strip"})
    for part in parts(of_scenario(chosen.scenario, "strip", chosen.unit)):
        feed(part)


def feed(part: Part) -> None:
    """Hand one part of the tables to the chart, in an element that takes no room.

    In a list: Streamlit looks closely at every value of a dict, for one that is a table.
    """
    _feed(key=f"live_feed_{part['part']}", data=[part])
