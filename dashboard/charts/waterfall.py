"""From before to after, change by change: stacked bars that lie under each other, with what each change saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap
from typing import Any

from ..theme import BACKGROUND, STACK, TEXT
from ..wording import UNITS, amount
from .layout import base_layout

HALF = 0.34
"""Half the thickness of a bar, in rows."""
LETTERS = 20
"""Letters of a label in one line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One bar: the state after a change, and the line of its device."""

    label: str
    components: Mapping[str, int]
    """Bytes by component."""
    capacity: int | None
    possible: bool = True
    """False where the change cannot be made at its place."""

    @property
    def total(self) -> int:
        """Bytes in all."""
        return sum(self.components.values())


def waterfall_chart(rows: Sequence[Row], *, unit: str, device: str, theme: str, size: int) -> dict[str, Any]:
    """The first row is what is asked now; every other one is the state after one more change.

    A dotted outline shows what a change took away; `device` names the line. `theme` is `light` or `dark`, `size` the
    height of the text in pixels.
    """
    shown = [part for part in STACK if any(row.components.get(part.name) for row in rows)]
    places = list(range(len(rows)))
    largest = max(row.total for row in rows)
    limits = [row.capacity for row in rows if row.capacity is not None and row.capacity < 3 * largest]
    widest = max(largest, *limits, 1) if limits else max(largest, 1)
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "name": part.label,
                "y": places,
                "x": [row.components.get(part.name, 0) / UNITS[unit] for row in rows],
                "width": 2 * HALF,
                "marker": {"color": getattr(part, theme), "line": {"color": BACKGROUND[theme], "width": 1.5}},
                "customdata": [[row.label, amount(row.components.get(part.name, 0), unit)] for row in rows],
                "hovertemplate": f"{part.label}, %{{customdata[0]}}: %{{customdata[1]}}<extra></extra>",
            }
            for part in shown
        ],
        "layout": {
            "barmode": "stack",
            "height": (6.5 + 3.6 * len(rows)) * size,
            **base_layout(size, theme),
            "showlegend": True,
            "legend": {
                "orientation": "h",
                "x": 0,
                "y": 1,
                "yanchor": "bottom",
                "traceorder": "normal",
                "itemclick": False,
                "itemdoubleclick": False,
                "yref": "paper",
                "font": {"size": size},
            },
            "margin": {"l": 0.62 * LETTERS * size * 0.8, "r": size, "t": 3.4 * size, "b": 3.4 * size},
            "xaxis": {
                "title": {"text": unit},
                "range": [0, 1.3 * widest / UNITS[unit]],
                "gridcolor": "rgba(128,128,128,.3)",
                "zeroline": False,
                "fixedrange": True,
            },
            "yaxis": {
                "tickvals": places,
                "ticktext": [_label(row, place) for place, row in enumerate(rows)],
                "range": [len(rows) - 0.5, -0.95 if limits else -0.5],
                "fixedrange": True,
            },
            "shapes": [*_taken(rows, unit, theme), *_capacity(rows, unit, theme, widest)],
            "annotations": [*_ends(rows, unit), *_capacity_words(rows, unit, device, widest)],
        },
    }


def _label(row: Row, place: int) -> str:
    lines = wrap(row.label, LETTERS) or [""]
    return "<br>".join(f"<b>{line}</b>" if place == 0 else line for line in lines)


def _taken(rows: Sequence[Row], unit: str, theme: str) -> list[dict[str, Any]]:
    """An outline from where the bar ends to where the one before it ended."""
    outline = {"type": "rect", "layer": "below", "line": {"color": TEXT[theme], "width": 1.2, "dash": "dot"}}
    return [
        outline
        | {"y0": place - HALF, "y1": place + HALF, "x0": row.total / UNITS[unit], "x1": before.total / UNITS[unit]}
        for place, (before, row) in enumerate(pairwise(rows), start=1)
        if row.total < before.total
    ]


def _capacity(rows: Sequence[Row], unit: str, theme: str, widest: int) -> list[dict[str, Any]]:
    """The device's line beside each row: engines let themselves use different shares of it."""
    found = []
    for place, row in enumerate(rows):
        if row.capacity is None or row.capacity > widest:
            continue
        at = row.capacity / UNITS[unit]
        start = place - 0.5 if place else -0.6
        line = {"type": "line", "x0": at, "x1": at, "y0": start, "y1": place + 0.5}
        found.append(line | {"line": {"color": BACKGROUND[theme], "width": 7}})
        found.append(line | {"line": {"color": TEXT[theme], "width": 2.5, "dash": "dash"}})
    return found


def _capacity_words(rows: Sequence[Row], unit: str, device: str, widest: int) -> list[dict[str, Any]]:
    first = rows[0].capacity
    if first is None:
        return []
    words = f"<b>{device}: {amount(first, unit)} usable</b>"
    if first > widest:
        place = {"xref": "paper", "x": 1, "xanchor": "right", "text": f"{words}, beyond this chart"}
    else:
        left = first > widest / 2
        place = {"x": first / UNITS[unit], "xanchor": "right" if left else "left", "text": words}
    return [{"y": -0.62, "yanchor": "middle", "showarrow": False} | place]


def _ends(rows: Sequence[Row], unit: str) -> list[dict[str, Any]]:
    """The total, and what the change adds to it, behind the end of each bar."""
    found = []
    for place, row in enumerate(rows):
        before = rows[place - 1].total if place else row.total
        text = f"<b>{amount(row.total, unit)}</b>"
        if place and not row.possible:
            text += "<br>not possible here"
        elif place:
            text += f"<br>{change_words(row.total - before, unit)}"
        at = max(row.total, before) / UNITS[unit]
        found.append(
            {"x": at, "y": place, "xanchor": "left", "xshift": 4, "align": "left", "text": text, "showarrow": False}
        )
    return found


def change_words(difference: int, unit: str) -> str:
    """`−94.5 GiB` or `+1.20 GiB`; `no change` of nothing."""
    if not difference:
        return "no change"
    return f"{'−' if difference < 0 else '+'}{amount(abs(difference), unit)}"
