"""Which values the browser repeats only because it has not seen yet that the page changed them.

Where the page itself moves a control (a slider that follows its number, a model that a story sets), whatever the
browser sends before it has drawn that answer still holds the control's old value, and would take the change back.
Every answer therefore has a number, in a control out of sight, which the browser sends back with all the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from .parameters import PAGE, SCENARIO

SLIDERS = {"context_length": "context_stop", "batch_size": "batch_stop"}
"""The sliders by the exact number that each is a second view of."""
CONTROLS = {*(parameter.key for parameter in (*SCENARIO, *PAGE[:2])), *SLIDERS.values()}
"""What the browser may repeat: the controls that are on the page whatever the view."""
MOST = 20
"""Old values that are remembered of a control; who changes it more often without looking shows none of them."""
SEEN = {"page": "seen_page", "body": "seen_body"}
"""The controls that carry the numbers of the last answers that the browser has drawn."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A control that the page moved: in which answer, to what, and what the browser may show of it until then."""

    answer: int
    value: Any
    before: tuple[Any, ...]


def place(values: Mapping[str, Any]) -> None:
    """Set controls from the page's side; what the browser then repeats of their old values is no change.

    One that has its value already is left alone: setting it would undo what is done in the browser meanwhile.
    """
    state = st.session_state
    for key, value in values.items():
        if key in state and state[key] == value:
            continue
        if key in CONTROLS and key in state:
            _placed()[key] = Placed(_next_answer(), value, tuple(v for v in shown(key) if v != value)[-MOST:])
        state[key] = value


def listen() -> None:
    """Begin an answer: put echoes back to what the page has set, and forget what the browser has seen or changed."""
    state = st.session_state
    seen = _seen()
    for key, placed in list(_placed().items()):
        if key not in state or seen >= placed.answer or state[key] not in {*placed.before, placed.value}:
            del _placed()[key]
        elif key not in SLIDERS.values():
            state[key] = placed.value
    state.answer_was_seen = seen >= _answer()
    state.answer, state.answering = _answer() + 1, True


def is_echo(key: str) -> bool:
    """Whether a control has a value that it had before the page moved it, and the browser does not know."""
    placed = _placed().get(key)
    return placed is not None and _seen() < placed.answer and st.session_state[key] in placed.before


def shown(key: str) -> tuple[Any, ...]:
    """What the browser may show of a control: its value, and until it has drawn the last answer also those before."""
    placed, now = _placed().get(key), st.session_state[key]
    if placed is None or _seen() >= placed.answer:
        return (now,)
    return tuple(dict.fromkeys((*placed.before, placed.value, now)))


def was_seen() -> bool:
    """Whether the browser had drawn the last answer when it asked for this one."""
    return bool(st.session_state.answer_was_seen)


def number_the_answer(place: str, whole: bool) -> None:
    """Draw the number of this answer, out of sight and after all else.

    The page and its body, which may be drawn alone, each end with one. `whole`: the page is drawn; what ends the body
    then is not its end, and keeps its number.
    """
    key = SEEN[place]
    if whole is (place == "page"):
        st.session_state.answering = False
        st.session_state[key] = str(_answer())
    with st.container(key=f"answer_{place}"):
        st.text_input("Number of this answer", key=key, help="How the page knows what the browser has drawn.")


def _answer() -> int:
    return int(st.session_state.get("answer", 0))


def _next_answer() -> int:
    """The answer that shows what is set now: the one that is being made, or in a callback the one to come."""
    return _answer() + (not st.session_state.get("answering", False))


def _seen() -> int:
    """Of what the browser says; it may say anything."""
    texts = [str(st.session_state.get(key, "")) for key in SEEN.values()]
    return max([int(text) for text in texts if text.isdecimal() and len(text) < 16], default=0)


def _placed() -> dict[str, Placed]:
    found: dict[str, Placed] = st.session_state.setdefault("placed", {})
    return found
