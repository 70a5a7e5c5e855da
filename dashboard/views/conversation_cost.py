"""What more of a conversation costs: memory, the least time, and money from the price that the user states."""

from __future__ import annotations

from math import floor, log10

import streamlit as st

from memory_model.conversation.cost import More, conversation_price, longer_answer, one_more_turn, turn_seconds
from memory_model.conversation.course import Course, tokens_left
from memory_model.speed import refusal

from ..controls import Chosen
from ..hardware.price_box import price_box
from ..wording import amount, count, plain

LONGER = 1000


def show(chosen: Chosen, found: Course) -> None:
    """Cards: one more turn, a longer answer, the whole, and the room that is left."""
    st.markdown("## What more of it costs, at least")
    deployment, device = chosen.deployment, chosen.deployment.device
    price = price_box(device.id, device.name, "conversation_price_box") if device else None
    turn, longer = one_more_turn(deployment, found, price), longer_answer(deployment, found, LONGER, price)
    seconds = [each for each in turn_seconds(deployment, found.conversation) if each is not None]
    left = tokens_left(deployment, found)
    with st.container(horizontal=True):
        _card("One more turn like the last", _added(turn, chosen), _time_and_price(turn.seconds, turn.price))
        _card(
            f"{LONGER:,} more tokens in the answer",
            _added(longer, chosen),
            _time_and_price(longer.seconds, longer.price),
        )
        if seconds:
            whole = conversation_price(deployment, found.conversation, price)
            _card("The whole conversation", f"at least {duration(sum(seconds))}", "" if whole is None else money(whole))
        if left is not None:
            words = "by so much the last answer can grow" if left else "it does not fit as it is"
            _card("Room left", f"{count(left, 'token')} each", words)
    reason = refusal(deployment)
    st.caption(
        plain(f"No times: {reason}.")
        if reason
        else "Times are bounds from the device's bandwidth and 16-bit compute, for all users at once; real runs are "
        "slower. Money is one user's share."
    )


def _card(title: str, value: str, words: str) -> None:
    with st.container(border=True, width="stretch", height="stretch"):
        st.markdown(f"{title}  \n**{value}**")
        st.caption(words or " ")


def _added(more: More, chosen: Chosen) -> str:
    return f"{'−' if more.bytes < 0 else '+'}{amount(abs(more.bytes), chosen.unit)}"


def _time_and_price(seconds: float | None, price: float | None) -> str:
    parts = [] if seconds is None else [f"at least {duration(seconds)}"]
    return ", ".join([*parts, *([] if price is None else [money(price)])])


def duration(seconds: float) -> str:
    """`12 ms`, `7.3 s`, `3.5 minutes`."""
    if seconds < 1:
        return f"{seconds * 1000:,.0f} ms"
    return f"{seconds:,.1f} s" if seconds < 120 else f"{seconds / 60:,.1f} minutes"


def money(price: float) -> str:
    """`0.0012 a user`, in the currency of the stated price: two digits at least, and no powers of ten."""
    places = 0 if price >= 100 else 2 if price >= 0.1 or not price else 1 - floor(log10(price))
    return f"{price:,.{places}f} a user"
