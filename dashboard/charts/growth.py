"""Growth of every component on log-log axes, where a straight line is a power and its slope the exponent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from ..theme import BACKGROUND, style
from ..wording import UNITS, amount
from .layout import base_layout
from .log_axes import apart, log_ticks, power_axis, short, upright_line


@dataclass(frozen=True, slots=True)
class Curve:
    """One component: its bytes at every number of the axis, and the words at the line's end."""

    component: str
    bytes: tuple[int, ...]
    words: str


def growth_chart(
    numbers: Sequence[int],
    curves: Sequence[Curve],
    *,
    now: int,
    axis: str,
    unit: str,
    theme: str,
    size: int,
) -> dict[str, Any]:
    """Lines, never stacked: on a log axis a stack would lie. `axis` names what `numbers` are; `now` is the chosen one."""
    values = [value / UNITS[unit] for curve in curves for value in curve.bytes]
    bottom, top = floor(log10(min(values))), log10(max(values)) + 0.35
    height = 29 * size
    gap = (top - bottom) * 1.3 * size / (height - 4.6 * size)
    lifted = [log10(curve.bytes[-1] / UNITS[unit]) + gap * 0.65 for curve in curves]
    places = apart(lifted, gap, bottom, top)
    words = short if axis.startswith("tokens") else "{:,}".format
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "name": style(curve.component).label,
                "x": list(numbers),
                "y": [value / UNITS[unit] for value in curve.bytes],
                "line": {"color": getattr(style(curve.component), theme), "width": 3.5},
                "customdata": [amount(value, unit) for value in curve.bytes],
                "hovertemplate": f"{style(curve.component).label} at %{{x:,}}: %{{customdata}}<extra></extra>",
            }
            for curve in curves
        ],
        "layout": {
            **base_layout(size, theme),
            "height": height,
            "margin": {"l": 4.6 * size, "r": 1.2 * size, "t": 0.6 * size, "b": 3.6 * size},
            "xaxis": {
                "type": "log",
                "title": {"text": f"{axis} (chosen: {now:,})"},
                "range": [log10(numbers[0]), log10(numbers[-1])],
                **log_ticks(numbers[0], numbers[-1], words),
            },
            "yaxis": power_axis(f"{unit}, log scale", bottom, top),
            "shapes": [upright_line(now, theme)],
            "annotations": [
                {
                    "xref": "paper",
                    "x": 1,
                    "y": place,
                    "xanchor": "right",
                    "yanchor": "middle",
                    "text": f"<span style='color:{getattr(style(curve.component), theme)}'>■</span> "
                    f"<b>{style(curve.component).label}</b>: {curve.words}",
                    "showarrow": False,
                    "bgcolor": BACKGROUND[theme],
                    "borderpad": 1,
                    "opacity": 0.95,
                }
                for curve, place in zip(curves, places, strict=True)
            ],
        },
    }
