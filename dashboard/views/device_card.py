"""One device closely: how many, how far, how fast, its price as the user gives it, and the button that uses it."""

from __future__ import annotations

import streamlit as st

from memory_model.scenario import MOST_TOKENS

from ..controls import Chosen
from ..echoes import place
from ..hardware.own_device import OWN_ID
from ..hardware.plans import MOST_TOGETHER, can_be_several, dividing_key
from ..hardware.price_box import price_box
from ..hardware.standings import Standing, per_million_tokens, reach_of
from ..wording import amount, count, digits, plain


def show(chosen: Chosen, one: Standing, prices: dict[str, float]) -> None:
    """A card of the device with its price and a button."""
    with st.container(border=True):
        st.markdown(sentence(chosen, one, prices))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = "device of yours" if one.device.id == OWN_ID else one.device.name
            price_box(one.device.id, name, f"hardware_price_of_{one.device.id}")
            used = one.device.id == chosen.scenario.device
            if not used and not one.refusal and one.device.id != OWN_ID:
                key = dividing_key(chosen.deployment)
                st.button(
                    f"Use {one.count} × {plain(one.device.name)}" if one.count > 1 else "Use this device",
                    type="primary",
                    key="hardware_use",
                    on_click=_use,
                    args=(one.device.id, key, max(1, one.count)),
                )


def sentence(chosen: Chosen, one: Standing, prices: dict[str, float]) -> str:
    """The verdict in words, how far and how fast, and the price of tokens where the price of an hour is given."""
    name = f"**{plain(one.device.name)}**"
    if one.refusal:
        return f"{name}: {plain(one.refusal)}."
    unit = chosen.unit
    if not one.fits:
        words = f"{name}: does not fit, over by {amount(-one.headroom, unit)} on one"
        several = dividing_key(chosen.deployment) and can_be_several(chosen.deployment, one.device)
        words += ", and no number of them that was tried holds it." if several else "."
    elif one.count == 1:
        words = f"{name}: fits, {amount(one.headroom, unit)} of {amount(one.limit, unit)} left over."
    else:
        words = f"{name}: **{one.count} are needed**; each has {amount(one.headroom, unit)} of {amount(one.limit, unit)} left."
    longest, most = reach_of(chosen.scenario, one)
    if longest and most:
        tokens = "Any number of tokens" if longest >= MOST_TOKENS else f"At most {count(longest, 'token')}"
        words += (
            f" {tokens} with {count(chosen.scenario.batch_size, 'sequence')}, or "
            f"{count(most, 'sequence')} of {count(chosen.scenario.context_length, 'token')}."
        )
    if one.seconds_per_token is None:
        if one.fits:
            known = one.device.bandwidth_gbps is not None
            why = "Host memory takes part at a speed that is not known" if known else "Its bandwidth is not known"
            words += f" {why}, so no time is given."
        return words
    batch = chosen.scenario.batch_size
    words += (
        f" A token takes at least {digits(1000 * one.seconds_per_token)} ms, so at most "
        f"{digits(batch / one.seconds_per_token)} tokens a second in all"
    )
    price = prices.get(one.device.id)
    cost = None if price is None else per_million_tokens(one, batch, price)
    if cost is None or price is None:
        return f"{words}."
    all_of_them = f", {one.count * price:g} for all {one.count}," if one.count > 1 else ""
    return f"{words}; at {price:g} per hour and device{all_of_them} a million tokens cost at least **{digits(cost)}**, prompts not counted."


def _use(id_: str, key: str, number: int) -> None:
    one = dict.fromkeys(MOST_TOGETHER, 1)
    place({"device": id_} | one | ({key: number} if key else {}))
