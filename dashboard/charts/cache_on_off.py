"""What each token of an answer takes, with a cache and without: two lines on a log axis, each named at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from ..theme import BACKGROUND, SERIES, style
from .layout import FLAT, base_layout, unit_above, words_at
from .log_axes import GRID, power_axis


@dataclass(frozen=True, slots=True)
class TokenLine:
    """One way: its name, and what each of the tokens takes."""

    label: str
    values: Sequence[float]
    end: str
    """What the last token takes, in words."""
    has_cache: bool


def cache_chart(
    tokens: Sequence[int], lines: Sequence[TokenLine], *, axis: str, theme: str, size: int, room: bool = False
) -> dict[str, Any]:
    """`tokens` are places in the answer; `axis` says what the values are; in a `room` the
    window is filled, so a flatter chart has larger words."""
    every = [value for line in lines for value in line.values]
    bottom, top = log10(min(every)) - 0.25, log10(max(every)) + 0.35
    return {
        "data": [_curve(tokens, line, theme) for line in lines],
        "layout": {
            **base_layout(size, theme),
            "height": (FLAT if room else 20) * size,
            "margin": {"l": 3.8 * size, "r": 1.2 * size, "t": 2 * size, "b": 3.6 * size},
            "xaxis": {
                "title": {"text": "token of the answer"},
                "gridcolor": GRID,
                "zeroline": False,
                "fixedrange": True,
                "tickformat": ",d",
            },
            "yaxis": power_axis(bottom, top),
            "annotations": [unit_above(axis, 3.8, size), *(_name(line, theme) for line in lines)],
        },
    }


def _curve(tokens: Sequence[int], line: TokenLine, theme: str) -> dict[str, Any]:
    colour = getattr(style("kv_cache"), theme) if line.has_cache else SERIES[theme][0]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": line.label,
        "x": list(tokens),
        "y": list(line.values),
        "line": {"color": colour, "width": 3.5},
        "hovertemplate": f"{line.label}, token %{{x:,}}: %{{y:.3g}}<extra></extra>",
    }


def _name(line: TokenLine, theme: str) -> dict[str, Any]:
    """What a line is called and where it ends, over its end."""
    return words_at(
        f"<b>{line.label}</b>: {line.end}",
        xref="paper",
        x=1,
        y=log10(line.values[-1]),
        xanchor="right",
        yanchor="bottom",
        yshift=4,
        bgcolor=BACKGROUND[theme],
    )
