"""Prices of devices per hour, as the user gives them: text such as `h100-sxm-80gb:2.5,l4:0.8` in the link."""

from __future__ import annotations

from collections.abc import Mapping

from memory_model import InputError
from memory_model.errors import unknown
from memory_model.presets import devices

from .own_device import OWN_ID

DEAREST = 100_000.0
MOST_PRICES = 8
"""As many as a value in a link has room for."""


def read_prices(text: str) -> dict[str, float]:
    """Price by device. Raises InputError for unknown devices and for what is no price."""
    found: dict[str, float] = {}
    for entry in filter(None, text.split(",")):
        id_, _, number = entry.partition(":")
        if id_ not in devices() and id_ != OWN_ID:
            raise unknown("device", id_, devices())
        try:
            value = float(number)
        except ValueError:
            raise InputError(f"expected a price such as {id_}:2.5, got {entry!r:.60}") from None
        if not 0 < value <= DEAREST:
            raise InputError(f"{number:.40} is no price between 0 and {DEAREST:,.0f}")
        found[id_] = value
    if len(found) > MOST_PRICES:
        raise InputError(f"{len(found)} prices, at most {MOST_PRICES} fit in a link")
    return found


def write_prices(prices: Mapping[str, float]) -> str:
    """The same as text; the last ones where there are too many."""
    kept = list(prices.items())[-MOST_PRICES:]
    return ",".join(f"{id_}:{value:g}" for id_, value in kept)
