"""What a first-time visitor is told, once: hints in a corner, on a phone without them, and the way into the first story."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from .stories import find_story
from .story_bar import open_step
from .story_files import ready_texts

FOLDER = Path(__file__).parent
_guide = st.components.v2.component(
    "memory_guide",
    html="""
    <aside class="guide" aria-label="How to read this page" hidden>
      <strong>New here?</strong>
      <ol><li>Choose a model and a device in the side bar.</li>
      <li>Drag the context length: the last bar is what you chose.</li>
      <li>The dashed line is what the device holds. Above it, it does not fit.</li></ol>
      <button type="button" data-act="story">Tell me the story</button> <button type="button" data-act="close">Close</button>
    </aside>""",
    css=(FOLDER / "guide.css").read_text(encoding="utf-8"),
    js=(FOLDER / "guide.js").read_text(encoding="utf-8"),
)


def show() -> None:
    """Offer the hints, unless this browser has seen them, or somebody opened a link to a certain picture."""
    if st.session_state.present or st.session_state.story or st.session_state.came_by_link:
        return
    _guide(key="guide", on_story_change=_tell)


def _tell() -> None:
    name = next(iter(ready_texts()))
    open_step(name, find_story(name), 1)
