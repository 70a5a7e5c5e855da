"""The story on the page: its sentence over the picture, and the steps by button, key or clicker."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import streamlit as st

from memory_model import InputError

from .controls import Chosen
from .echoes import place
from .parameters import DEFAULTS, VIEW_NAMES, usual
from .stories import Story, find_story, spoken

CSS = """
<style>
.st-key-story { border-left: 5px solid var(--st-primary-color, #3767D0); padding-left: 1rem; }
.story-title { font-weight: 700; font-size: 1.3rem; line-height: 1.25; }
.story-say { font-size: 1.12rem; line-height: 1.4; margin-top: .1rem; max-width: 80ch; }
.story-place { font-variant-numeric: tabular-nums; white-space: nowrap; }
@media (max-width: 640px) { .story-title { font-size: 1.1rem; } .story-say { font-size: 1rem; } .st-key-story button { padding: .25rem .5rem; } }
</style>
"""
_keys = st.components.v2.component(
    "memory_story_keys",
    html="<i hidden></i>",
    js=(Path(__file__).parent / "story_keys.js").read_text(encoding="utf-8"),
)


def turn_page(pages: Sequence[st.Page], now: st.Page) -> None:
    """Go to the view that was just asked for, where that is another one; the first page has no path."""
    wanted = st.session_state.pop("asked_view", None)
    for page in pages:
        if wanted == (page.url_path or VIEW_NAMES[0]) and page.title != now.title:
            st.switch_page(page)


def show(chosen: Chosen) -> None:
    """Title and sentence of the step, with the numbers of what is on the page, and the way to the other steps."""
    name = st.session_state.story
    if not name:
        return
    try:
        story = find_story(name)
    except InputError:
        return
    number = min(st.session_state.story_step, len(story.steps))
    step = story.steps[number - 1]
    say = spoken(step.say, chosen.deployment, chosen.unit)
    with st.container(key="story", horizontal=True, vertical_alignment="center"):
        with st.container(width="stretch"):
            st.html(
                f'{CSS}<div class="story-title" role="heading" aria-level="2">{escape(step.title)}</div>'
                f'<div class="story-say" aria-live="polite">{escape(say)}</div>'
            )
        with st.container(horizontal=True, width="content", vertical_alignment="center", gap="small"):
            _step_button("Back", "story_back", ":material/chevron_left:", name, story, number - 1)
            st.html(f'<span class="story-place">{number} of {len(story.steps)}</span>', width="content")
            _step_button("Next", "story_next", ":material/chevron_right:", name, story, number + 1)
            st.button("End", key="story_end", on_click=leave, type="tertiary", help="End the story; the picture stays.")
    _keys(key="story_keys", data={"step": number})


def _step_button(label: str, key: str, icon: str, name: str, story: Story, number: int) -> None:
    st.button(
        label,
        key=key,
        icon=icon,
        icon_position="right" if label == "Next" else "left",
        disabled=not 1 <= number <= len(story.steps),
        on_click=open_step,
        args=(name, story, number),
    )


def open_step(name: str, story: Story, number: int) -> None:
    """Set the page to a step of a story; for a callback, which runs before the controls are drawn."""
    step = story.steps[number - 1]
    kept = {key: st.session_state.get(key, DEFAULTS[key]) for key in ("present", "unit")}
    place({**usual(step.state), **step.state, **kept, "story": name, "story_step": number})
    open_view(step.view)


def open_view(view: str) -> None:
    """Have the next run go to a view, by its place."""
    st.session_state.asked_view = view


def leave() -> None:
    """End the story; the picture stays."""
    place({key: DEFAULTS[key] for key in ("story", "story_step")})
