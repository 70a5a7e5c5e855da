"""What figures on log axes share: ticks at powers of two, the chosen point, labels that keep apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor
from typing import Any

from ..theme import BACKGROUND, TEXT

GRID = "rgba(128,128,128,.22)"


def log_ticks(low: float, high: float, words: Callable[[int], str] = "{:,}".format) -> dict[str, Any]:
    """Ticks at powers of four between two numbers, written by `words`, with quiet grid lines."""
    values = [4**power for power in range(21) if low <= 4**power <= high * 1.001]
    return {
        "tickvals": values,
        "ticktext": [words(value) for value in values],
        "tickangle": 0,
        "gridcolor": GRID,
        "zeroline": False,
        "fixedrange": True,
    }


def power_axis(bottom: float, top: float) -> dict[str, Any]:
    """An axis with ticks at powers of ten; its ends as powers."""
    powers = range(floor(bottom) + 1, ceil(top) + 1)
    return {
        "type": "log",
        "range": [bottom, top],
        "tickvals": [10.0**power for power in powers],
        "ticktext": [f"{10.0**power:,g}" for power in powers],
        "gridcolor": GRID,
        "zeroline": False,
        "fixedrange": True,
    }


def upright_line(at: float, theme: str) -> dict[str, Any]:
    """The shape of a dotted line from the bottom of the chart to its top."""
    return {"type": "line", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": _dotted(theme)}


def level_line(at: float, theme: str) -> dict[str, Any]:
    """The shape of a dotted line across the chart."""
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": at, "y1": at, "line": _dotted(theme)}


def _dotted(theme: str) -> dict[str, Any]:
    return {"color": TEXT[theme], "width": 1.5, "dash": "dot"}


def short(number: int) -> str:
    """`256`, `16k`, `1M`: binary thousands, as context lengths are sold."""
    for scale, letter in ((2**20, "M"), (2**10, "k")):
        if number >= scale:
            return f"{number / scale:g}{letter}"
    return f"{number:g}"


def point(at: tuple[float, float], theme: str, size: int) -> dict[str, Any]:
    """A ring at the chosen point, given by its places on both axes."""
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "chosen",
        "cliponaxis": False,
        "x": [at[0]],
        "y": [at[1]],
        "marker": {
            "color": BACKGROUND[theme],
            "size": 1.1 * size,
            "symbol": "circle",
            "line": {"color": TEXT[theme], "width": 3},
        },
        "hovertemplate": "the chosen point<extra></extra>",
    }


def apart(places: Sequence[float], gap: float, bottom: float, top: float) -> list[float]:
    """The places in the same order, moved as little as it takes to lie `gap` apart and inside the chart."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    lowest = bottom + gap / 2
    for index in order:
        moved[index] = max(moved[index], lowest)
        lowest = moved[index] + gap
    highest = top - gap / 2
    for index in reversed(order):
        moved[index] = min(moved[index], highest)
        highest = moved[index] - gap
    return moved
