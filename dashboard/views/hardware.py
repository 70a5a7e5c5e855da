"""Every device against the scenario: does it fit, how many are needed, how far it reaches, how fast, for what price."""

from __future__ import annotations

from math import inf

import streamlit as st

from memory_model.estimate import breakdown
from memory_model.presets import devices
from memory_model.scenario import MOST_TOKENS

from ..charts.hardware import Bar, hardware_chart
from ..controls import Chosen
from ..figure import show as show_figure
from ..figure import text_size, theme
from ..hardware.own_device import own_device
from ..hardware.plans import dividing_key
from ..hardware.prices import read_prices
from ..hardware.ranking import SORTS, nearest, ranked, shown, verdict
from ..hardware.standings import Standing, per_million_tokens, standings
from ..wording import UNITS, amount, count, plain
from . import device_card, own_device_form, server_gpus

USES_SLIDERS = True
MOST_BARS, MOST_BARS_IN_A_ROOM = 16, 6
DIVIDES = {
    "tensor_parallel": "Several devices share every layer (tensor parallel), in numbers that divide the model only.",
    "pipeline_parallel": "Several devices of one computer hold layers in turn; how far they reach is looked for on the "
    "selected one. Devices with unified memory are computers of their own and stand alone.",
    "": "One process runs on one device here: several of them are not tried.",
}


def show(chosen: Chosen) -> None:
    """The sentence, the table of devices, the selected one, then memory as bars; own and found devices last.

    A room sees the sentence and the bars.
    """
    if chosen.deployment.options.placement == "cpu":
        _on_the_cpu(chosen)
        return
    state = st.session_state
    own = own_device(
        float(state.hardware_own_gib),
        float(state.hardware_own_bandwidth),
        float(state.hardware_own_tflops),
        str(state.hardware_own_vendor),
    )
    first = own.id if own else chosen.scenario.device
    prices = read_prices(str(state.hardware_prices))
    everything = standings(chosen.scenario, own)
    if not (chosen.present and state.story):  # a story says for itself what the sentence would repeat
        st.markdown(sentence(everything, chosen, first))
    if not chosen.present:
        _filters()
    found = shown(everything, str(state.hardware_vendor), str(state.hardware_kind))
    found = ranked(found, str(state.hardware_sort), prices, chosen.scenario.batch_size)
    if chosen.present:
        _bars(found, chosen, first)
        return
    selected = _table(found, prices, chosen, first)
    if selected:
        device_card.show(chosen, selected, prices)
    _bars(found, chosen, first)
    own_device_form.show()
    server_gpus.show()
    _method(chosen)


def sentence(found: tuple[Standing, ...], chosen: Chosen, first: str) -> str:
    """How the device of the page stands, then how many others hold the scenario alone or together."""
    label, able = plain(chosen.deployment.engine.facts.label), [one for one in found if not one.refusal]
    alone = sorted((one for one in able if one.count == 1), key=lambda one: one.limit)
    several = sorted((one for one in able if one.count > 1), key=lambda one: (one.count, one.limit))
    words = f"{_first_said(found, chosen, first)} Of {len(able)} devices that {label} runs on, {_hold(alone, able)} it alone"
    if alone:
        small = alone[0]
        words += f", the smallest {plain(small.device.name)} with {amount(small.headroom, chosen.unit)} left over"
    if several:
        few = several[0]
        words += f"; {_hold(several, able)} it together, from {few.count} × {plain(few.device.name)} on"
    unable = len(found) - len(able)
    return f"{words}." + (f" It does not run on the other {unable}." if unable else "")


def _hold(those: list[Standing], of: list[Standing]) -> str:
    """`9 hold`, of all that there are."""
    if len(those) == len(of) > 1:
        return "all hold"
    return f"{len(those) or 'none'} {'holds' if len(those) < 2 else 'hold'}"


def _first_said(found: tuple[Standing, ...], chosen: Chosen, first: str) -> str:
    """The verdict of the page's device in bold; without one, what is asked about."""
    scenario = chosen.scenario
    what = (
        f"{plain(chosen.deployment.model.name)} with {count(scenario.context_length, 'token')} × "
        f"{count(scenario.batch_size, 'sequence')} on {plain(chosen.deployment.engine.facts.label)}"
    )
    one = next((one for one in found if one.device.id == first), None)
    if one is None:
        return f"**{what} needs {amount(int(breakdown(chosen.deployment).bytes), chosen.unit)}.**"
    name, free = plain(one.device.name), one.limit_alone - one.alone
    if one.refusal:
        return f"**{name} cannot run it: {plain(one.refusal)}.**"
    if free >= 0:
        return f"**{what} fits on one {name}, with {amount(free, chosen.unit)} left over.**"
    many = f"; {one.count} are needed" if one.fits else ""
    return f"**{what} does not fit on one {name}: over by {amount(-free, chosen.unit)}{many}.**"


def _filters() -> None:
    known = devices().values()
    vendor, kind, sort = st.columns([2, 2, 2])
    vendor.selectbox(
        "Vendor",
        ["all", *dict.fromkeys(device.vendor for device in known)],
        key="hardware_vendor",
        persist_state="session",
        format_func=lambda name: "All vendors" if name == "all" else name,
        help="Who makes the devices that are listed.",
    )
    kind.selectbox(
        "Kind",
        ["all", *sorted({device.kind for device in known})],
        key="hardware_kind",
        persist_state="session",
        format_func=lambda name: "All kinds" if name == "all" else name.capitalize(),
        help="Datacenter, workstation and consumer cards; unified: one memory for processor and graphics.",
    )
    sort.selectbox(
        "In the order of",
        list(SORTS),
        key="hardware_sort",
        persist_state="session",
        format_func=SORTS.__getitem__,
        help="What stands first. Speed is a bound: nothing runs faster. Price needs the prices that you set.",
    )


def _table(found: list[Standing], prices: dict[str, float], chosen: Chosen, first: str) -> Standing | None:
    """The devices; returns the one whose row is selected, else the device of the visitor, else that of the page."""
    whole, two = st.column_config.NumberColumn(format="localized"), st.column_config.NumberColumn(format="%.2f")
    picked = st.dataframe(
        [row(one, prices, chosen) for one in found],
        hide_index=True,
        key="hardware_rows",
        height=min(420, 38 + 35 * max(1, len(found))),
        selection_mode="single-row",
        on_select="rerun",
        placeholder="–",
        column_config={
            "device": st.column_config.Column(width=158),
            "verdict": st.column_config.Column(width=84),
            f"free, {chosen.unit}": st.column_config.NumberColumn(
                format="%.2f", help="Left over on each device; below zero, what is missing.", width=75
            ),
            f"usable, {chosen.unit}": st.column_config.NumberColumn(
                format="%.2f",
                help="On each of as many as are needed: what the engine lets itself use, and what it keeps outside that "
                "share, such as the buffers through which several GPUs talk.",
            ),
            "price per hour": two,
            "longest context": whole,
            "largest batch": whole,
            "ms per token": st.column_config.NumberColumn(
                format="%.2f", help="At least; a bound, real runs are slower"
            ),
            "per million tokens": st.column_config.NumberColumn(format="%.2f", help="At least, prompts not counted"),
        },
    )
    rows = picked.selection.rows
    if rows and rows[0] < len(found):
        return found[rows[0]]
    return next((one for one in found if one.device.id == first), found[0] if found else None)


def row(one: Standing, prices: dict[str, float], chosen: Chosen) -> dict[str, object]:
    """One device as it stands in the table, rounded as it is seen, since a screen reader hears what is stored; prices only
    where somebody gave one."""
    unit, price = chosen.unit, prices.get(one.device.id)
    runs = not one.refusal
    cells: dict[str, object] = {
        "device": one.device.name,
        "verdict": verdict(one, chosen.deployment.engine.facts.label),
        f"free, {unit}": round(one.headroom / UNITS[unit], 2) if runs else None,
        "longest context": inf if one.longest_context == MOST_TOKENS else one.longest_context if runs else None,
        "largest batch": one.largest_batch if runs else None,
        "ms per token": None if one.seconds_per_token is None else round(1000 * one.seconds_per_token, 2),
    }
    if prices:
        cells["price per hour"] = price
        cost = None if price is None else per_million_tokens(one, chosen.scenario.batch_size, price)
        cells["per million tokens"] = None if cost is None else round(cost, 2)
    return cells | {
        f"usable, {unit}": round(one.limit / UNITS[unit], 2),
        "vendor": one.device.vendor,
        "kind": one.device.kind,
        "usable memory is": one.device.evidence,
    }


def _bars(found: list[Standing], chosen: Chosen, first: str) -> None:
    near = nearest(found, first, MOST_BARS_IN_A_ROOM if chosen.present else MOST_BARS)
    if not near:
        st.info(
            "No device of this choice runs the engine; choose another vendor or kind.", icon=":material/filter_alt:"
        )
        return
    engine = chosen.deployment.engine.facts.label
    figure = hardware_chart(
        [
            Bar(
                one.device.name,
                one.limit_alone,
                one.alone,
                verdict(one, engine),
                one.count == 1,
                one.device.id == first,
            )
            for one in near
        ],
        unit=chosen.unit,
        theme=theme(),
        size=text_size(chosen.present),
    )
    above = sum(one.count == 1 for one in near)
    least, most = min(one.alone for one in near), max(one.alone for one in near)
    needs = amount(least, chosen.unit)
    if amount(most, chosen.unit) != needs:
        needs = f"{needs} to {amount(most, chosen.unit)}, by what the driver takes"
    show_figure(
        figure,
        key="hardware_chart",
        title="Memory that can be used, and what is needed of one device",
        sentence=f"{_holding(above, len(near))} it alone: it takes {needs}. "
        "The mark on each bar is the need; filled bars are large enough, outlined ones are not.",
        rows=[
            {
                "device": one.device.name,
                "usable, bytes": one.limit_alone,
                "needed of one, bytes": one.alone,
                "how many": one.count,
            }
            for one in near
        ],
    )


def _holding(able: int, near: int) -> str:
    """How many of the devices nearest to the need are large enough."""
    if able == near:
        return f"All {near} devices nearest to the need hold" if near > 1 else "The device holds"
    return f"Of the {count(near, 'device')} nearest to the need, {able or 'none'} {'holds' if able < 2 else 'hold'}"


def _on_the_cpu(chosen: Chosen) -> None:
    held = int(breakdown(chosen.deployment).bytes)
    st.info(
        f"All layers are on the CPU, so no device holds anything: {amount(held, chosen.unit)} of host memory are needed. "
        "Choose “All on one GPU” in the side bar to compare devices.",
        icon=":material/memory:",
    )


def _method(chosen: Chosen) -> None:
    with st.expander("How these numbers are made"):
        st.markdown(
            f"{DIVIDES[dividing_key(chosen.deployment)]} Bytes are those of one device, by the same terms as in every "
            "view. *ms per token* is the longer of two times: to move weights and cache once through the device's memory, "
            "and to do the operations at its 16-bit rate; nothing runs faster, and communication between devices is not "
            "counted. Usable is what the engine lets itself take of one; what any program can allocate there is measured "
            "where programs printed it, else assumed from like devices. What the driver takes is the middle of public figures of the vendor's GPUs; on Apple's chips it is counted as nothing."
        )
