"""What figures share: colours, text, an axis of amounts, words at a place, and the capacity line."""

from __future__ import annotations

from typing import Any

from ..theme import BACKGROUND, TEXT
from ..wording import UNITS, amount

FLAT = 17
"""How many lines of its text a chart is high in a room."""


def base_layout(size: int, theme: str) -> dict[str, Any]:
    """The part of a layout that all figures share: colours, font, no legend; `size` is the text's height in pixels."""
    title = {"title": {"font": {"size": size}}}
    return {
        "template": {"layout": {"xaxis": title, "yaxis": title}},
        "showlegend": False,
        "paper_bgcolor": BACKGROUND[theme],
        "plot_bgcolor": BACKGROUND[theme],
        "font": {"color": TEXT[theme], "size": size, "family": "Source Sans, sans-serif"},
        "margin": {"l": 4.5 * size, "r": 2 * size, "t": 1.5 * size, "b": 3.6 * size},
    }


def amount_axis(most: float) -> dict[str, Any]:
    """An axis from nothing to `most` with quiet grid lines, which nobody can zoom."""
    return {
        "range": [0, most],
        "gridcolor": "rgba(128,128,128,.3)",
        "zeroline": False,
        "fixedrange": True,
    }


def legend(y: float, **more: Any) -> dict[str, Any]:
    """Names of the colours in a row above the plot, `y` as a share of its height; a click hides nothing."""
    row = {"orientation": "h", "x": 0, "y": y, "yanchor": "bottom"}
    return row | {"itemclick": False, "itemdoubleclick": False} | more


def words_at(text: str, **place: Any) -> dict[str, Any]:
    """Words without an arrow; `place` as Plotly's annotations name it."""
    return {"text": text, "showarrow": False} | place


def unit_above(words: str, left: float, size: int) -> dict[str, Any]:
    """What an upright axis counts, lying over its top, where a narrow screen has room for it.

    `left` is the margin there, in heights of the text.
    """
    place = {"xref": "paper", "x": 0, "xshift": -left * size, "yref": "paper", "y": 1, "yshift": 0.4 * size}
    return words_at(words, **place, xanchor="left", yanchor="bottom")


def capacity_line(capacity: int | None, unit: str, theme: str) -> list[dict[str, Any]]:
    """Shapes of the line at a device's capacity, with a halo in the background's colour; none without a device."""
    if capacity is None:
        return []
    at = capacity / UNITS[unit]
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": at, "y1": at}
    return [
        line | {"line": {"color": BACKGROUND[theme], "width": 7}},
        line | {"line": {"color": TEXT[theme], "width": 2.5, "dash": "dash"}},
    ]


def capacity_words(
    capacity: int | None, unit: str, device: str, top: float, between: str = " "
) -> list[dict[str, Any]]:
    """The words on that line; `top` is the end of the axis, in the unit; `between` stands behind the device."""
    if capacity is None:
        return []
    at, words = capacity / UNITS[unit], f"<b>{device}:{between}{amount(capacity, unit)} usable</b>"
    y, words = (at, words) if at <= top else (top, f"{words} ↑ above")
    return [words_at(words, xref="paper", x=0, y=y, xanchor="left", yanchor="bottom", xshift=8, yshift=3)]
