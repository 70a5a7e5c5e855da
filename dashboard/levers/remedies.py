"""The cheapest changes that make it fit, as cards with a button each."""

from __future__ import annotations

import streamlit as st

from memory_model.levers import Asked, Remedy, three_cheapest
from memory_model.model_shape import ModelShape

from ..wording import amount, beside, plain
from .applying import apply
from .chain import text_of

NUMBERS = ("", "The cheapest change that makes it fit", "The two cheapest ways to make it fit", "The three cheapest ways to make it fit")  # fmt: skip
ORDER = (
    "Cheapest means what is given up least, in this order: an 8-bit cache, 8-bit weights, a 4-bit cache, 4-bit weights, "
    "another engine, time, more GPUs, a smaller model, weights below 4 bits, no cache, less context or fewer sequences. The order is "
    "an assumption of this page; the bytes are computed. One way of each price is shown."
)


def show(start: Asked, unit: str, shape: ModelShape) -> None:
    """Cards for what does not fit; a sentence for what fits, or for what nothing helps."""
    if start.scenario.device == "none":
        return
    found = three_cheapest(start)
    if not found:
        return
    st.markdown(f"## {NUMBERS[len(found)]}", help=ORDER)
    for column, (place, remedy) in zip(st.columns(len(found)), enumerate(found), strict=True):
        with column, st.container(border=True, height="stretch"):
            _card(place, remedy, unit, shape)


def _card(place: int, remedy: Remedy, unit: str, shape: ModelShape) -> None:
    st.markdown(f"**{plain(' + '.join(change.label for change in remedy.changes))}**")
    each = " on each GPU" if remedy.gpus > 1 else ""
    st.markdown(
        f"{amount(int(remedy.memory.bytes), unit)}{each}{beside(remedy.memory, unit)}, {amount(remedy.headroom, unit)} free. "
        f"It costs {_listed(remedy.costs)}."
    )
    with st.container(horizontal=True):
        st.button("Apply", key=f"levers_remedy_{place}", on_click=apply, args=(remedy.asked, shape), type="primary")
        st.button("Show above", key=f"levers_look_{place}", on_click=_look, args=(text_of(remedy.changes),))


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]


def _look(text: str) -> None:
    st.session_state.levers_changes = text
