"""The price of a device, as a control: what the user gives for one device stands in the link for every view."""

from __future__ import annotations

import streamlit as st

from ..wording import plain
from .prices import DEAREST, read_prices, write_prices


def price_box(id_: str, name: str, box: str) -> float | None:
    """Draw the box under the key `box`, and return the price of one such device per hour; None where none is given."""
    price = read_prices(str(st.session_state.hardware_prices)).get(id_)
    st.session_state[box] = price
    st.number_input(
        f"Price of one {plain(name)} per hour",
        0.01,
        DEAREST,
        key=box,
        step=0.1,
        placeholder="yours, in any currency",
        help="No price is known here: give what you pay. It stays in the link.",
        on_change=_priced,
        args=(id_, box),
        width=420,
    )
    return price


def _priced(id_: str, box: str) -> None:
    prices = read_prices(str(st.session_state.hardware_prices))
    prices.pop(id_, None)
    if st.session_state[box]:
        prices[id_] = st.session_state[box]
    st.session_state.hardware_prices = write_prices(prices)
