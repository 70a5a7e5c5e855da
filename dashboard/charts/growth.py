"""Growth of every component on log-log axes, where a straight line is a power and its slope the exponent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from ..theme import style
from ..wording import UNITS, amount
from .layout import FLAT, base_layout, unit_above, words_at
from .log_axes import apart, log_ticks, power_axis, short, upright_line


@dataclass(frozen=True, slots=True)
class Curve:
    """One component: its bytes at every number of the axis, and its slope at the chosen one, in words."""

    component: str
    bytes: tuple[int, ...]
    slope: str


def growth_chart(
    numbers: Sequence[int],
    curves: Sequence[Curve],
    *,
    now: int,
    axis: str,
    unit: str,
    theme: str,
    size: int,
    room: bool = False,
) -> dict[str, Any]:
    """Lines, never stacked: on a log axis a stack would lie. `axis` names what `numbers` are; `now` is the chosen one.

    In a `room` the window is filled, so a flatter chart has larger words.
    """
    values = [value / UNITS[unit] for curve in curves for value in curve.bytes]
    bottom, top = floor(log10(min(values))), log10(max(values)) + 0.1
    height = (FLAT if room else 25) * size
    gap = (top - bottom) * 2.6 * size / (height - 5.6 * size)
    places = apart([log10(curve.bytes[-1] / UNITS[unit]) for curve in curves], gap, bottom, top)
    words = short if axis.startswith("tokens") else "{:,}".format
    return {
        "data": [_line(numbers, curve, unit, theme) for curve in curves],
        "layout": {
            **base_layout(size, theme),
            "height": height,
            "margin": {"l": 3.4 * size, "r": 7.2 * size, "t": 2 * size, "b": 3.6 * size},
            "xaxis": {
                "type": "log",
                "title": {"text": f"{axis} (chosen: {now:,})"},
                "range": [log10(numbers[0]), log10(numbers[-1])],
                **log_ticks(numbers[0], numbers[-1], words),
            },
            "yaxis": power_axis(bottom, top),
            "shapes": [upright_line(now, theme)],
            "annotations": [
                unit_above(f"{unit}, log scale", 3.4, size),
                *(_name(curve, place, theme) for curve, place in zip(curves, places, strict=True)),
            ],
        },
    }


def _line(numbers: Sequence[int], curve: Curve, unit: str, theme: str) -> dict[str, Any]:
    look = style(curve.component)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": look.label,
        "x": list(numbers),
        "y": [value / UNITS[unit] for value in curve.bytes],
        "line": {"color": getattr(look, theme), "width": 3.5},
        "customdata": [amount(value, unit) for value in curve.bytes],
        "hovertemplate": f"{look.label} at %{{x:,}}: %{{customdata}}<extra></extra>",
    }


def _name(curve: Curve, y: float, theme: str) -> dict[str, Any]:
    """What a line is called and how steep it is, beside its end."""
    look = style(curve.component)
    return words_at(
        f"<span style='color:{getattr(look, theme)}'>■</span> <b>{look.label}</b><br>{curve.slope}",
        xref="paper",
        x=1.01,
        y=y,
        xanchor="left",
        align="left",
    )
