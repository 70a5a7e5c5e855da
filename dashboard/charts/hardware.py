"""Usable memory of devices as bars, and what the scenario needs of one as a mark across each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..theme import BACKGROUND, SERIES, TEXT
from ..wording import UNITS, amount
from .layout import base_layout, words_at
from .log_axes import GRID

SIGNS = {"fits": "✓", "does not fit": "✗"}
"""What stands for the verdicts that a glance at the bar says too; any other one is written out."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One device: the bytes that the engine may use of it, those that it would need, and the verdict in words."""

    name: str
    usable: int
    needed: int
    verdict: str
    fits: bool
    is_chosen: bool


def hardware_chart(bars: Sequence[Bar], *, unit: str, theme: str, size: int) -> dict[str, Any]:
    """Horizontal bars, the largest on top: filled where the scenario fits, outlined where it does not.

    The marks are what one device would have to hold: a little more where driver and engine take more.
    """
    shown = list(reversed(bars))
    names = [f"<b>{bar.name}</b>" if bar.is_chosen else bar.name for bar in shown]
    top = max(max(bar.usable, bar.needed) for bar in shown) / UNITS[unit]
    needed = [bar.needed / UNITS[unit] for bar in shown]
    words = [f"{SIGNS.get(bar.verdict, '✗')} {amount(bar.usable, unit)}" for bar in shown]
    words = [text if bar.verdict in SIGNS else f"{text}, {bar.verdict}" for text, bar in zip(words, shown, strict=True)]
    least, most = (amount(of(bar.needed for bar in shown), unit) for of in (min, max))
    return {
        "data": [
            _usable(names, shown, words, unit, theme),
            _need(names, needed, BACKGROUND[theme], 7, size),
            _need(names, needed, SERIES[theme][1], 3.5, size),
        ],
        "layout": {
            **base_layout(size, theme),
            "height": int(size * (5.5 + 1.9 * len(shown))),
            "margin": {"l": size, "r": (0.8 + 0.55 * max(map(len, words))) * size, "t": 2 * size, "b": 3.4 * size},
            "bargap": 0.3,
            "xaxis": {
                "title": {"text": f"usable {unit} of one"},
                "tickangle": 0,
                "nticks": 4,
                "range": [0, 1.02 * top],
                "gridcolor": GRID,
                "zeroline": False,
                "fixedrange": True,
            },
            "yaxis": {"automargin": True, "fixedrange": True, "ticksuffix": " "},
            "annotations": [
                *(
                    words_at(text, xref="paper", x=1, y=name, xanchor="left", xshift=4)
                    for name, text in zip(names, words, strict=True)
                ),
                words_at(
                    f"<b>needed of one: {least if least == most else f'{least.removesuffix(unit).strip()} to {most}'}</b>",
                    x=needed[-1],
                    y=1,
                    yref="paper",
                    xanchor="right" if needed[-1] > top / 2 else "left",
                    yanchor="bottom",
                    font={"color": TEXT[theme]},
                ),
            ],
        },
    }


def _usable(names: Sequence[str], bars: Sequence[Bar], words: Sequence[str], unit: str, theme: str) -> dict[str, Any]:
    colour = SERIES[theme][0]
    return {
        "type": "bar",
        "orientation": "h",
        "y": list(names),
        "x": [bar.usable / UNITS[unit] for bar in bars],
        "text": list(words),
        "textposition": "none",
        "marker": {
            "color": [colour if bar.fits else BACKGROUND[theme] for bar in bars],
            "line": {"color": colour, "width": 1.5},
        },
        "hovertemplate": "%{y}: %{text}<extra></extra>",
    }


def _need(names: Sequence[str], needed: Sequence[float], colour: str, width: float, size: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "y": list(names),
        "x": list(needed),
        "marker": {
            "symbol": "line-ns-open",
            "size": 1.6 * size,
            "color": colour,
            "line": {"color": colour, "width": width},
        },
        "hoverinfo": "skip",
    }
