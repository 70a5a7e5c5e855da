"""How every number is computed: the terms with the very factors that were multiplied, and who decides each."""

from __future__ import annotations

from html import escape

import streamlit as st

from memory_model.amount import Component, Factor, Lever, MemoryBreakdown, Moment, Term
from memory_model.deployment import Deployment
from memory_model.estimate import breakdown, in_phase

from ..controls import Chosen
from ..theme import style
from ..wording import PHASES, amount, plain, share

COUNTED = ("sequences", "tokens", "layers", "KV heads", "query heads", "experts", "tensors", "cells", "streams")
"""Factors whose names stand in the plural, as most values want it."""
CSS = """
<style>
.terms { display: grid; gap: .55rem; }
.term { border-top: 1px solid rgba(128,128,128,.35); padding-top: .5rem; }
.term .head { display: flex; gap: .8rem; justify-content: space-between; flex-wrap: wrap; font-weight: 600; }
.term .product { display: flex; flex-wrap: wrap; gap: .35rem; align-items: center; margin: .35rem 0; font-variant-numeric: tabular-nums; }
.factor { border: 1px solid rgba(128,128,128,.45); border-radius: 8px; padding: .15rem .55rem; line-height: 1.25; }
.factor small { display: block; opacity: .85; }
.factor em { font-style: normal; font-size: .75rem; opacity: .85; display: block; }
.term .source { font-size: .8rem; opacity: .8; overflow-wrap: anywhere; }
</style>
"""


def show(chosen: Chosen) -> None:
    """Every component of the scenario, term by term."""
    memory = breakdown(chosen.deployment)
    st.markdown("## How is this computed?")
    decides = chosen.scenario.phase == "peak"
    why = "the phase that needs more decides" if decides else "the chosen phase"
    later = _once_it_answers(chosen.deployment, memory, chosen.unit) if decides else ""
    st.markdown(
        f"**{amount(int(memory.bytes), chosen.unit)}** in all, for {PHASES[memory.phase]} ({why}).{later} Every number below is the product "
        f"of the factors shown beside it; under each factor stands who decides it: {', '.join(lever.value for lever in Lever)}."
    )
    st.html(CSS)
    for component in memory:
        _component(component, int(memory.bytes), chosen.unit)
    _host(memory, chosen.unit)


def _once_it_answers(deployment: Deployment, memory: MemoryBreakdown, unit: str) -> str:
    """What remains when the prompt is read, where its cache shrinks then: windows let go of what lies behind them."""
    after = breakdown(in_phase(deployment, "decode"))
    before, kept = (int(one["kv_cache"].bytes) for one in (memory, after))
    if kept > 0.9 * before:
        return ""
    return (
        f" Once the answer is being written it is {amount(int(after.bytes), unit)}: of the cache, which holds {amount(before, unit)} "
        f"until the prompt is read, **{amount(kept, unit)}** are kept."
    )


def _host(memory: MemoryBreakdown, unit: str) -> None:
    """What the engine keeps in host memory beside the device."""
    held = [component for component in memory.host if int(component.bytes)]
    if not held:
        return
    total = sum(int(component.bytes) for component in held)
    st.markdown(f"Beside the device, the engine keeps **{amount(total, unit)}** in host memory:")
    for component in held:
        _component(component, total, unit)


def _component(component: Component, total: int, unit: str) -> None:
    look, size = style(component.name), int(component.bytes)
    with st.expander(
        f"**{look.label}**: {amount(size, unit)} ({share(size, total)}) – {look.words}",
        expanded=component.name == "kv_cache",
    ):
        st.badge(
            component.evidence.value,
            icon=":material/verified:" if component.evidence.value == "exact" else ":material/help:",
        )
        if component.note:
            st.caption(plain(component.note))
        moments = sorted(component.moments, key=lambda moment: -int(moment.bytes))
        if len(moments) > 1:
            st.markdown("Not all of it is alive at once: as large as the busiest moment.")
            st.dataframe(
                [
                    {
                        "Moment": m.name,
                        f"{unit}": amount(int(m.bytes), unit),
                        "bytes": f"{int(m.bytes):,}",
                        "": "busiest" if i == 0 else "",
                    }
                    for i, m in enumerate(moments)
                ],
                hide_index=True,
            )
        _moment(moments[0], unit)


def _moment(moment: Moment, unit: str) -> None:
    if not moment.terms:
        st.markdown("Nothing is counted here.")
        return
    st.markdown(f"Terms, *{plain(moment.name)}*, the largest first:")
    terms = sorted(moment.terms, key=lambda term: -int(term.bytes))
    st.html(f'<div class="terms">{"".join(_term(term, unit) for term in terms)}</div>')


def _term(term: Term, unit: str) -> str:
    product = " × ".join(_factor(factor) for factor in term.factors)
    part = f" · {escape(term.part)}" if term.part and term.part not in term.label else ""
    source = f'<div class="source">{escape(term.source)}</div>' if term.source else ""
    return (
        f'<div class="term"><div class="head"><span>{escape(term.label)}{part}</span><span>{amount(int(term.bytes), unit)}</span></div>'
        f'<div class="product">{product} <span>= <strong>{int(term.bytes):,}</strong> bytes</span></div>{source}</div>'
    )


def _factor(factor: Factor) -> str:
    value = f"{factor.value:,}" if isinstance(factor.value, int) else str(factor.value)
    name = factor.name.removesuffix("s") if factor.value == 1 and factor.name in COUNTED else factor.name
    note = f"<em>{escape(factor.note)}</em>" if factor.note else ""
    return f'<span class="factor"><strong>{escape(value)}</strong> {escape(name)}{note}<small>{escape(factor.lever.value)}</small></span>'
