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
    """A control that the page moved, and no answer that was drawn shows it yet."""

    answer: int
    """The number of the answer with which the browser shows it."""
    told: tuple[Any, ...]
    """What the page set it to since the browser has shown one; the last is what holds."""
    said: Any
    """What the browser last said of it."""

    def repeats(self, value: Any) -> bool:
        """Whether a value is one that the browser shows until it has drawn the answer, and none that somebody chose."""
        return value != self.told[-1] and (value == self.said or value in self.told)


def place(values: Mapping[str, Any]) -> None:
    """Set controls from the page's side; what the browser then repeats of their old values is no change.

    One that has its value already, and that nothing in flight moves, is left alone: setting it would undo what is done
    in the browser meanwhile.
    """
    state = st.session_state
    for key, value in values.items():
        placed = _placed().get(key)
        if placed is None and key in state and state[key] == value:
            continue
        if key in CONTROLS and key in state:
            told, said = (placed.told, placed.said) if placed else ((), state[key])
            _placed()[key] = Placed(_next_answer(), _told(told, value), said)
        state[key] = value


def listen() -> None:
    """Begin an answer: put echoes back to what the page has set, and forget what the browser has seen.

    What is still unseen is set once more: the answer that was to show it may have been cut short, and one that is drawn
    late must not undo what somebody has chosen since.
    """
    state = st.session_state
    seen = _seen()
    state.answer_was_seen = seen >= _answer()
    state.answer, state.answering = _answer() + 1, True
    for key, placed in list(_placed().items()):
        if key not in state or seen >= placed.answer:
            del _placed()[key]
            continue
        now, holds = state[key], placed.told[-1]
        value = holds if placed.repeats(now) else now
        _placed()[key] = Placed(_answer(), _told(placed.told, value), placed.said if now == holds else now)
        state[key] = value


def is_echo(key: str) -> bool:
    """Whether a control, as the browser sent it, has a value from before the page moved it; for a callback."""
    placed = _placed().get(key)
    return placed is not None and _seen() < placed.answer and placed.repeats(st.session_state[key])


def shown(key: str) -> tuple[Any, ...]:
    """What the browser may show of a control: its value, and until it has drawn the last answer also those before."""
    placed, now = _placed().get(key), st.session_state[key]
    return (now,) if placed is None else tuple(dict.fromkeys((placed.said, *placed.told, now)))


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


def _told(told: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    """What the browser was told, with one value more, each once."""
    return (*[other for other in told if other != value], value)[-MOST:]


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
