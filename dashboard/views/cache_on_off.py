"""Cache on or off: bytes kept against work repeated, and what each token then takes at least."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ..charts.cache_on_off import TokenLine, cache_chart
from ..controls import Chosen
from ..figure import show as show_figure
from ..figure import text_size, theme
from ..trade_offs.cache_on_off import TokenByToken, token_by_token
from ..wording import amount, count, digits, plain

LONGEST_ANSWER = 65_536


def show(chosen: Chosen, choices: DeltaGenerator) -> None:
    """Three numbers, the time or work of each token, and how they were found; a room sees the picture."""
    if not chosen.present:
        choices.number_input(
            "Tokens of the answer",
            2,
            LONGEST_ANSWER,
            key="trade_offs_answer",
            persist_state="session",
            step=64,
            help="The prompt is as long as the context length; the answer comes after it.",
            width=220,
        )
    answer = int(st.session_state.trade_offs_answer)
    found = token_by_token(chosen.scenario, answer)
    if not chosen.present:
        _metrics(found, chosen)
    scale, axis = (1000.0, "ms, at least") if found.in_seconds else (1e-9, "billions of operations")

    def end(values: Sequence[float]) -> str:
        return _time(values[-1]) if found.in_seconds else f"{digits(values[-1] * scale)} billion"

    figure = cache_chart(
        found.tokens,
        [
            TokenLine(
                "without a cache", [value * scale for value in found.without_cache], end(found.without_cache), False
            ),
            TokenLine("with a cache", [value * scale for value in found.with_cache], end(found.with_cache), True),
        ],
        axis=axis,
        theme=theme(),
        size=text_size(chosen.present),
        room=chosen.present,
    )
    show_figure(
        figure,
        key="trade_offs_cache",
        title="What each token of the answer takes" + (", at least" if found.in_seconds else ""),
        sentence=sentence(found, chosen),
        rows=[
            {"token": place, f"with a cache, {axis}": cached * scale, f"without a cache, {axis}": anew * scale}
            for place, cached, anew in zip(found.tokens, found.with_cache, found.without_cache, strict=True)
        ],
    )
    if found.why_not:
        st.caption(plain(f"Operations instead of times: {found.why_not}."))
    if not chosen.present:
        _method(chosen)


def _metrics(found: TokenByToken, chosen: Chosen) -> None:
    trade = found.trade
    with st.container(horizontal=True):
        st.metric("Kept with a cache", amount(trade.kept_bytes, chosen.unit), border=True)
        st.metric("Operations without one", f"{digits(trade.flops_repeated)} ×", border=True)
        if trade.with_cache.seconds and trade.without_cache.seconds:
            slower = trade.without_cache.seconds / trade.with_cache.seconds
            st.metric("Time without one, at least", f"{digits(slower)} ×", border=True)


def sentence(found: TokenByToken, chosen: Chosen) -> str:
    """What is kept, what is repeated in all, and what the last token costs by then."""
    trade, scenario = found.trade, chosen.scenario
    words = (
        f"For {count(scenario.batch_size, 'answer')} of {count(trade.answer_tokens, 'token')} after a prompt of "
        f"{count(scenario.context_length, 'token')}, {plain(chosen.deployment.model.name)} keeps "
        f"**{amount(trade.kept_bytes, chosen.unit)}** of cache; without it **{digits(trade.flops_repeated)} times** the "
        f"operations are done, and the last token alone takes {digits(trade.last_repeated)} times as many"
    )
    if trade.last_with.seconds and trade.last_without.seconds:
        words += f": {_time(trade.last_without.seconds)} instead of {_time(trade.last_with.seconds)}, at least"
    return f"{words}."


def _time(seconds: float) -> str:
    return f"{digits(seconds)} s" if seconds >= 1 else f"{digits(1000 * seconds)} ms"


def _method(chosen: Chosen) -> None:
    with st.expander("How these numbers are made"):
        own = "use_cache" in chosen.deployment.engine.own_options
        st.markdown(
            "With a cache a token passes the layers once and reads what is kept; without one, every token is a pass over "
            "all before it. Times are bounds: the longer of moving weights and cache once through the device's memory and "
            "doing the operations at its 16-bit rate. "
            + (
                "The engine has this as an option, `use_cache`, in the side bar."
                if own
                else f"{plain(chosen.deployment.engine.facts.label)} always keeps a cache: this is what it saves."
            )
        )
