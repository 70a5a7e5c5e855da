"""From before to after, change by change: stacked bars that lie under each other, with what each change saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..theme import BACKGROUND, STACK, TEXT, ComponentStyle
from ..wording import UNITS, amount
from .layout import amount_axis, base_layout, legend, words_at

TOP, BOTTOM = -0.08, 0.4
"""Edges of a bar in its row, which reaches from -0.5 to 0.5; the label stands above the bar."""
LABEL = -0.3


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
    largest = max(row.total for row in rows)
    limits = [row.capacity for row in rows if row.capacity is not None and row.capacity < 3 * largest]
    widest = max(largest, *limits, 1) if limits else max(largest, 1)
    gaps = [1 if 20 * row.total > widest else 0 for row in rows]  # a gap would be all that is seen of a short bar
    return {
        "data": [_segments(part, rows, unit, theme, gaps) for part in shown],
        "layout": {
            "barmode": "stack",
            "height": (8 + 3.7 * len(rows)) * size,
            **base_layout(size, theme),
            "showlegend": True,
            "legend": legend(1, traceorder="normal", yref="paper", font={"size": size}),
            "margin": {"l": 1.2 * size, "r": 5.2 * size, "t": 3.2 * size, "b": 3.4 * size},
            "xaxis": amount_axis(1.03 * widest / UNITS[unit]) | {"title": {"text": unit}},
            "yaxis": {
                "visible": False,
                "range": [len(rows) - 0.45, -1 if rows[0].capacity else -0.5],
                "fixedrange": True,
            },
            "shapes": [*_taken(rows, unit, theme), *_capacity(rows, unit, theme, widest)],
            "annotations": [*_words(rows, unit, theme), *_capacity_words(rows, unit, device, widest, theme)],
        },
    }


def _segments(part: ComponentStyle, rows: Sequence[Row], unit: str, theme: str, gaps: Sequence[int]) -> dict[str, Any]:
    """One component in every bar; `gaps` are pixels around it."""
    sizes = [row.components.get(part.name, 0) for row in rows]
    return {
        "type": "bar",
        "orientation": "h",
        "name": part.label,
        "y": list(range(len(rows))),
        "x": [size / UNITS[unit] for size in sizes],
        "width": BOTTOM - TOP,
        "offset": TOP,
        "marker": {"color": getattr(part, theme), "line": {"color": BACKGROUND[theme], "width": gaps}},
        "customdata": [[row.label, amount(size, unit)] for row, size in zip(rows, sizes, strict=True)],
        "hovertemplate": f"{part.label}, %{{customdata[0]}}: %{{customdata[1]}}<extra></extra>",
    }


def _taken(rows: Sequence[Row], unit: str, theme: str) -> list[dict[str, Any]]:
    """An outline from where the bar ends to where the one before it ended."""
    outline = {"type": "rect", "layer": "below", "line": {"color": TEXT[theme], "width": 1.2, "dash": "dot"}}
    return [
        outline
        | {"y0": place + TOP, "y1": place + BOTTOM, "x0": row.total / UNITS[unit], "x1": before.total / UNITS[unit]}
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
        start = place + TOP - 0.02 if place else -0.72
        line = {"type": "line", "x0": at, "x1": at, "y0": start, "y1": place + BOTTOM + 0.04}
        found.append(line | {"line": {"color": BACKGROUND[theme], "width": 6}})
        found.append(line | {"line": {"color": TEXT[theme], "width": 2.5}})
    return found


def _capacity_words(rows: Sequence[Row], unit: str, device: str, widest: int, theme: str) -> list[dict[str, Any]]:
    first = rows[0].capacity
    if first is None:
        return []
    words = f"<b>{device}: {amount(first, unit)}</b>"
    if first > widest:
        return [words_at(f"{words}, beyond this chart", xref="paper", x=1, y=-0.82, xanchor="right", yanchor="middle")]
    side = "right" if first > widest / 2 else "left"
    place = {"x": first / UNITS[unit], "y": -0.82, "xanchor": side, "yanchor": "middle"}
    return [words_at(words, **place, bgcolor=BACKGROUND[theme])]


def _words(rows: Sequence[Row], unit: str, theme: str) -> list[dict[str, Any]]:
    """The change and what it adds above each bar, and its limit where that moves; the totals in a column beside the plot."""
    found = []
    for place, row in enumerate(rows):
        before = rows[place - 1].total if place else row.total
        words = f"<b>{row.label}</b>"
        if place:
            words += f"  {change_words(row.total - before, unit)}" if row.possible else "  not possible here"
            if row.capacity is not None and row.capacity != rows[place - 1].capacity:
                words += f", {amount(row.capacity, unit)} usable"
        found.append(
            words_at(words, x=0, y=place + LABEL, xanchor="left", xshift=-3, borderpad=0, bgcolor=BACKGROUND[theme])
        )
        total, middle = f"<b>{amount(row.total, unit)}</b>", place + (TOP + BOTTOM) / 2
        found.append(words_at(total, xref="paper", x=1, y=middle, xanchor="left", xshift=4))
    return found


def change_words(difference: int, unit: str) -> str:
    """`−94.5 GiB` or `+1.20 GiB`; `no change` of nothing."""
    if not difference:
        return "no change"
    return f"{'−' if difference < 0 else '+'}{amount(abs(difference), unit)}"
