"""How every component grows with the context or with the batch, and which repeated factor makes it so."""

from __future__ import annotations

from fractions import Fraction

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from memory_model.amount import Factor, Lever

from ..charts.growth import Curve, growth_chart
from ..controls import Chosen
from ..figure import show as show_figure
from ..figure import text_size, theme
from ..numbers.terms import COUNTED
from ..theme import style
from ..trade_offs.growth import AGAINST, Grown, Growth, growth_lines, growths, power_name
from ..wording import amount, count, plain

LABELS = {"context": "Context length", "batch": "Batch size"}
AXES = {"context": "tokens per sequence", "batch": "sequences at once"}
SMALL = 0.01
"""A quadratic share below this is named, but is not the message."""
ONE = {"context": "token", "batch": "sequence"}


def show(chosen: Chosen, choices: DeltaGenerator) -> None:
    """The chart on log axes, then a line for each component with the reason for its slope; a room sees the chart."""
    choices.segmented_control(
        "Growth against",
        list(AGAINST),
        key="trade_offs_growth",
        persist_state="session",
        format_func=LABELS.__getitem__,
        required=True,
        label_visibility="collapsed" if chosen.present else "visible",
        help="What doubles from one line of the grid to the next.",
    )
    against = str(st.session_state.trade_offs_growth)
    drawn = growth_lines(chosen.scenario, against)
    found = growths(chosen.scenario, against)
    now = getattr(chosen.scenario, AGAINST[against])
    slopes = {growth.component: _slope_words(growth.slope) for growth in found}
    figure = growth_chart(
        drawn[0].numbers,
        [Curve(line.component, line.bytes, slopes.get(line.component, "")) for line in drawn],
        now=now,
        axis=AXES[against],
        unit=chosen.unit,
        theme=theme(),
        size=text_size(chosen.present),
        room=chosen.present,
    )
    show_figure(
        figure,
        key="trade_offs_growth_chart",
        title=f"How each component grows with the {LABELS[against].lower()}",
        sentence=_sentence(found, now, against, chosen),
        rows=[
            {AXES[against]: number} | {f"{style(line.component).label}, bytes": line.bytes[place] for line in drawn}
            for place, number in enumerate(drawn[0].numbers)
        ],
    )
    if chosen.present:
        return
    st.markdown(f"## Why, at {count(now, ONE[against])}")
    for growth in found:
        st.markdown(reason(growth, against, chosen.unit))


def _slope_words(slope: float) -> str:
    return "constant" if power_name(slope) == "constant" else f"slope {slope:.2f}"


def _sentence(found: tuple[Growth, ...], now: int, against: str, chosen: Chosen) -> str:
    """What the next doubling costs, and what is steeper than linear."""
    later = {growth.component: growth.bytes * 2**growth.slope for growth in found}
    extra = sum(later.values()) - sum(growth.bytes for growth in found)
    words = (
        f"From {count(now, ONE[against])} to {2 * now:,}, {plain(chosen.deployment.model.name)} "
        f"needs {amount(extra, chosen.unit)} more."
    )
    by_power: dict[str, list[str]] = {}
    for growth in sorted(found, key=lambda growth: growth.slope):
        by_power.setdefault(power_name(growth.slope), []).append(style(growth.component).label)
    listed = "; ".join(f"{', '.join(labels)}: {power}" for power, labels in by_power.items())
    steep = [growth for growth in found if growth.highest >= 2]
    large = [growth for growth in steep if growth.share(growth.highest) >= SMALL]
    if not large:
        rest = f" but for {_shares(steep)}" if steep else ""
        return f"{words} **Nothing is quadratic in the {against}**{rest}. {listed}."
    return f"{words} **Quadratic in the {against}: {_shares(large)}.** {listed}."


def _shares(growths_: list[Growth]) -> str:
    return " and ".join(
        f"{_percent(growth.share(growth.highest))} of the {style(growth.component).label.lower()}"
        for growth in growths_
    )


def reason(growth: Growth, against: str, unit: str) -> str:
    """A line of Markdown: the component, its slope, and the largest term of its highest power with the repeated factors."""
    label, slope = style(growth.component).label, power_name(growth.slope)
    head = f"- **{label}** ({amount(growth.bytes, unit)}): {slope}."
    if slope != "constant":
        head = f"{head[:-1]}, slope {growth.slope:.2f}."
    if not growth.is_matched:
        return f"{head} Other values are alive at twice the {AXES[against]}, so that no single factor explains it."
    if growth.highest == 0:
        return f"{head} No factor follows the {against}."
    found = []
    for degree in range(growth.highest, 0, -1):
        terms = growth.of_degree(degree)
        if terms:
            found.append(_of_degree(terms[0], degree, growth.share(degree), len(terms)))
    held = growth.share(0)
    rest = f" The other {100 * held:.2g} % do not grow." if 0.005 < held < 0.995 else ""
    return f"{head} {' '.join(found)}{rest}"


def _of_degree(grown: Grown, degree: int, share: float, terms: int) -> str:
    """`Quadratic, 98 %: scores in float32 repeat tokens × tokens attended to: 1 sequences × **8,192 tokens** × …`."""
    product = " × ".join(_factor(factor, factor.name in grown.repeats) for factor in grown.term.factors)
    more = f" and {count(terms - 1, 'more term')}" if terms > 1 else ""
    repeats = " × ".join(plain(name) for name in grown.repeats)
    return (
        f"{power_name(degree).capitalize()} ({_percent(share)}): *{plain(grown.term.label)}*{more} "
        f"{'multiply' if terms > 1 else 'multiplies'} {repeats} ({product})."
    )


def _percent(share: float) -> str:
    return "all" if share > 0.995 else "under 1 %" if share < 0.01 else f"{100 * share:.0f} %"


def _factor(factor: Factor, grows: bool) -> str:
    value = str(factor.value) if isinstance(factor.value, Fraction) else f"{factor.value:,}"
    name = factor.name.removesuffix("s") if factor.value == 1 and factor.name in COUNTED else factor.name
    words = f"{value} {plain(name)}"
    if not grows:
        return words
    return f"**{words}**" if factor.lever is Lever.WORKLOAD else f"**{words}** ({factor.lever.value})"
