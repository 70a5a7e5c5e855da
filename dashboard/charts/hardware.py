"""Usable memory of devices as bars, and what the scenario needs of one as a mark across each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..theme import BACKGROUND, SERIES, TEXT
from ..wording import UNITS, amount
from .layout import amount_axis, base_layout, words_at

TOP, BOTTOM = 0.06, 0.42
"""Edges of a bar in its row, which reaches from -0.5 to 0.5; the words stand above the bar."""
WORDS, HEADING = -0.24, -0.85
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

    Name and verdict stand above each bar, so that all of the width is the bar's. The marks are what one device would have
    to hold: a little more where driver and engine take more.
    """
    top = max(max(bar.usable, bar.needed) for bar in bars) / UNITS[unit]
    return {
        "data": [_usable(bars, unit, theme)],
        "layout": {
            **base_layout(size, theme),
            "height": int(size * (4.1 + 2.2 * len(bars))),
            "margin": {"l": size, "r": size, "t": 0.4 * size, "b": 1.8 * size},
            "xaxis": amount_axis(1.02 * top) | {"tickangle": 0, "nticks": 4},
            "yaxis": {"visible": False, "range": [len(bars) - 0.5, HEADING - 0.3], "fixedrange": True},
            "shapes": _needs(bars, unit, theme),
            "annotations": [_heading(bars, unit, theme, top), *_words(bars, unit)],
        },
    }


def _usable(bars: Sequence[Bar], unit: str, theme: str) -> dict[str, Any]:
    colour = SERIES[theme][0]
    return {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(bars))),
        "x": [bar.usable / UNITS[unit] for bar in bars],
        "width": BOTTOM - TOP,
        "offset": TOP,
        "customdata": [[bar.name, _verdict(bar, unit)] for bar in bars],
        "marker": {
            "color": [colour if bar.fits else BACKGROUND[theme] for bar in bars],
            "line": {"color": colour, "width": 1.5},
        },
        "hovertemplate": "%{customdata[0]}: %{customdata[1]}<extra></extra>",
    }


def _needs(bars: Sequence[Bar], unit: str, theme: str) -> list[dict[str, Any]]:
    """A mark across each bar, with a halo in the background's colour."""
    found = []
    for place, bar in enumerate(bars):
        at = bar.needed / UNITS[unit]
        line = {"type": "line", "x0": at, "x1": at, "y0": place + TOP - 0.06, "y1": place + BOTTOM + 0.06}
        found.append(line | {"line": {"color": BACKGROUND[theme], "width": 7}})
        found.append(line | {"line": {"color": SERIES[theme][1], "width": 3.5}})
    return found


def _heading(bars: Sequence[Bar], unit: str, theme: str, top: float) -> dict[str, Any]:
    """What the marks are, over the first of them."""
    least, most = (amount(of(bar.needed for bar in bars), unit) for of in (min, max))
    needed = least if least == most else f"{least.removesuffix(unit).strip()} to {most}"
    at = bars[0].needed / UNITS[unit]
    side = "right" if at > top / 2 else "left"
    font = {"color": TEXT[theme]}
    return words_at(f"<b>needed of one: {needed}</b>", x=at, y=HEADING, xanchor=side, yanchor="middle", font=font)


def _words(bars: Sequence[Bar], unit: str) -> list[dict[str, Any]]:
    """Each bar's name at the left and its verdict at the right."""
    found = []
    for place, bar in enumerate(bars):
        name = f"<b>{bar.name}</b>" if bar.is_chosen else bar.name
        beside: dict[str, Any] = {"y": place + WORDS, "xref": "paper", "yanchor": "middle"}
        found.append(words_at(name, x=0, xanchor="left", xshift=-3, **beside))
        found.append(words_at(_verdict(bar, unit), x=1, xanchor="right", xshift=3, **beside))
    return found


def _verdict(bar: Bar, unit: str) -> str:
    """`✓ 128 GiB`, or `✗ 73.7 GiB, 2 needed`."""
    words = f"{SIGNS.get(bar.verdict, '✗')} {amount(bar.usable, unit)}"
    return words if bar.verdict in SIGNS else f"{words}, {bar.verdict}"
