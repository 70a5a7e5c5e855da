"""Which devices are shown, and in what order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, log

from .standings import Standing, per_million_tokens

SORTS = {
    "fit": "Fewest, then smallest",
    "free": "Most left over",
    "context": "Longest context",
    "batch": "Largest batch",
    "speed": "Fastest",
    "price": "Cheapest per token",
}


def shown(found: Sequence[Standing], vendor: str, kind: str) -> list[Standing]:
    """Those of a vendor and a kind; `all` stands for every one, and an own device is always shown."""
    return [
        one
        for one in found
        if one.device.kind == "your own" or (vendor in ("all", one.device.vendor) and kind in ("all", one.device.kind))
    ]


def ranked(found: Sequence[Standing], sort: str, prices: Mapping[str, float], batch_size: int) -> list[Standing]:
    """In the order of `SORTS`; what does not fit comes last, then what the engine does not run on."""

    def place(one: Standing) -> tuple[float, ...]:
        last = 2 if one.refusal else 0 if one.fits else 1
        return (last, _by(one, sort, prices, batch_size), one.count or inf, one.device.usable_bytes)

    return sorted(found, key=place)


def _by(one: Standing, sort: str, prices: Mapping[str, float], batch_size: int) -> float:
    if sort == "free":
        return -one.headroom
    if sort == "context":
        return -(one.longest_context or 0)
    if sort == "batch":
        return -(one.largest_batch or 0)
    if sort == "speed":
        return one.seconds_per_token or inf
    if sort == "price":
        price = prices.get(one.device.id)
        cost = per_million_tokens(one, batch_size, price) if price is not None else None
        return inf if cost is None else cost
    return one.count or -one.limit


def nearest(found: Sequence[Standing], chosen: str, most: int) -> list[Standing]:
    """So many devices whose room is nearest to what one would need, the largest first; the chosen one among them."""
    able = [one for one in found if not one.refusal and one.alone]
    by_distance = sorted(able, key=lambda one: (one.device.id != chosen, abs(log(one.limit_alone / one.alone))))
    return sorted(by_distance[:most], key=lambda one: -one.limit_alone)


def verdict(one: Standing, engine: str) -> str:
    """`fits`, `2 needed`, `does not fit`, or that the engine does not run on it."""
    if one.refusal:
        return f"not with {engine}"
    if one.count == 1:
        return "fits"
    return f"{one.count} needed" if one.count else "does not fit"
