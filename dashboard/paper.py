"""The page on paper: light in any theme, the picture with its sentence, and one line instead of the controls.

The same line is the heading of the page for who hears it.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from .controls import Chosen
from .take_along.menu import title_of
from .theme import on_paper
from .wording import count

FOLDER = Path(__file__).parent
CSS = (FOLDER / "paper.css").read_text(encoding="utf-8")
_paper = st.components.v2.component(
    "memory_paper", html="<i hidden></i>", js=(FOLDER / "paper.js").read_text(encoding="utf-8")
)


def prepare() -> None:
    """What turns a dark page light for the print. Around the body, as it is the same for all of them."""
    _paper(key="paper_colours", data={"colours": on_paper()})
    st.html(f"<style>{CSS}</style>")


def place() -> DeltaGenerator:
    """Where `show` belongs: before all else, since the heading of the page comes before those of its parts."""
    return st.container(key="paper")


def show(place: DeltaGenerator, chosen: Chosen, title: str, sliders: bool) -> None:
    """The view's `title`, and what stands for the controls, the `sliders` among them; none of it is seen on a screen."""
    said = title_of(chosen)
    if sliders:
        scenario = chosen.scenario
        said += f"; {count(scenario.context_length, 'token')} × {count(scenario.batch_size, 'sequence')}"
    place.html(f"<h1>{escape(title)}</h1><p>{escape(said)}</p>")
