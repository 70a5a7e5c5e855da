"""What all figures share: colours, text and the capacity line."""

from __future__ import annotations

from typing import Any

from ..theme import BACKGROUND, TEXT
from ..wording import UNITS, amount


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


def capacity_words(capacity: int | None, unit: str, device: str, top: float) -> list[dict[str, Any]]:
    """The words on that line; `top` is the end of the axis, in the unit."""
    if capacity is None:
        return []
    at, words = capacity / UNITS[unit], f"<b>{device}: {amount(capacity, unit)} usable</b>"
    place = {"y": at, "text": words} if at <= top else {"y": top, "text": f"{words} ↑ above"}
    return [{"xref": "paper", "x": 0, "xanchor": "left", "yanchor": "bottom", "showarrow": False} | place]
