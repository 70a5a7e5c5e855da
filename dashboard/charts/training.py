"""Stacked bars of inference and training, one bar a method, with the amount in each segment that has room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..theme import BACKGROUND, STACK, TEXT, TRAINING_STACK, ComponentStyle, readable
from ..wording import UNITS, amount
from .layout import amount_axis, base_layout, capacity_line, capacity_words, legend, unit_above, words_at


def training_chart(
    bars: Sequence[tuple[str, Mapping[str, int]]],
    *,
    unit: str,
    capacity: int | None,
    device: str,
    theme: str,
    size: int,
    room: bool = False,
) -> dict[str, Any]:
    """`bars` are names and bytes by component; `size` is the height of the text in pixels; in a `room`
    the window is filled, so a flatter chart has larger words.
    """
    totals = [sum(parts.values()) for _, parts in bars]
    near = capacity if capacity and capacity < 4 * max(totals) else 0
    top = max(*totals, near, 1) * 1.12 / UNITS[unit]
    beside = max(0, 3 - len(bars)) / 2  # a bar alone is no wider than one of three
    order = [TRAINING_STACK[0], STACK[1], *TRAINING_STACK[1:]]
    return {
        "data": [_segments(part, bars, unit, theme) for part in order if any(b.get(part.name) for _, b in bars)],
        "layout": {
            **base_layout(size, theme),
            "showlegend": True,
            "legend": legend(1.02, traceorder="normal"),
            "margin": {"l": 3.2 * size, "r": size, "t": 4.5 * size, "b": 3.6 * size},
            "barmode": "stack",
            "bargap": 0.35,
            "height": (20 if room else 26) * size,
            "xaxis": {
                "tickvals": list(range(len(bars))),
                "ticktext": [name.replace(" ", "<br>", 1) for name, _ in bars],
                "tickangle": 0,
                "fixedrange": True,
                "range": [-0.5 - beside, len(bars) - 0.5 + beside],
            },
            "yaxis": amount_axis(top),
            "shapes": capacity_line(capacity, unit, theme),
            "annotations": [
                unit_above(unit, 3.2, size),
                *_amounts(order, bars, unit, (capacity or 0) / UNITS[unit], top, theme),
                *_totals(totals, unit, theme),
                *_capacity(totals, capacity, unit, device, top, theme),
            ],
        },
    }


def _segments(
    part: ComponentStyle, bars: Sequence[tuple[str, Mapping[str, int]]], unit: str, theme: str
) -> dict[str, Any]:
    sizes = [parts.get(part.name, 0) for _, parts in bars]
    return {
        "type": "bar",
        "name": part.label,
        "x": list(range(len(bars))),
        "y": [size / UNITS[unit] for size in sizes],
        "marker": {"color": getattr(part, theme), "line": {"color": BACKGROUND[theme], "width": 1.5}},
        "customdata": [[name, amount(size, unit)] for (name, _), size in zip(bars, sizes, strict=True)],
        "hovertemplate": f"%{{customdata[0]}}: {part.label} %{{customdata[1]}}<br>{part.words}<extra></extra>",
    }


def _totals(totals: Sequence[int], unit: str, theme: str) -> list[dict[str, Any]]:
    return [
        words_at(
            f"<b>{amount(total, unit)}</b>",
            x=place,
            y=total / UNITS[unit],
            yanchor="bottom",
            bgcolor=BACKGROUND[theme],
        )
        for place, total in enumerate(totals)
    ]


def _capacity(
    totals: Sequence[int], capacity: int | None, unit: str, device: str, top: float, theme: str
) -> list[dict[str, Any]]:
    """What the line is: at its right end, or high over it with a pointer where a total is written there."""
    line, room = (capacity or 0) / UNITS[unit], top / 10
    look: dict[str, Any] = {"bgcolor": BACKGROUND[theme]}
    between = " "
    if line <= top:
        look |= {"x": 1, "xanchor": "right", "align": "right"}
        if any(line - room / 2 < total / UNITS[unit] < line + room for total in totals[-2:]):
            pointer = {"arrowhead": 0, "arrowwidth": 1.5, "arrowcolor": TEXT[theme], "ax": 0, "ayref": "y", "ay": top}
            look |= pointer | {"showarrow": True, "yshift": 0, "yanchor": "top"}
            between = "<br>"
    return [words | look for words in capacity_words(capacity, unit, device, top, between)]


def _amounts(
    order: Sequence[ComponentStyle],
    bars: Sequence[tuple[str, Mapping[str, int]]],
    unit: str,
    line: float,
    top: float,
    theme: str,
) -> list[dict[str, Any]]:
    """The amount inside every segment that has room for it, clear of the capacity line; short, for narrow screens."""
    found, room = [], top / 22
    for place, (_, parts) in enumerate(bars):
        base = 0.0
        for part in order:
            height = parts.get(part.name, 0) / UNITS[unit]
            middle, base = base + height / 2, base + height
            if height < room:
                continue
            if abs(middle - line) < room:
                under, over = line - (base - height), base - line
                if max(under, over) < 1.6 * room:
                    continue
                middle = line - under / 2 if under > over else line + over / 2
            words = amount(parts[part.name], unit).removesuffix(f" {unit}")
            color = readable(getattr(part, theme))
            found.append(words_at(words, x=place, y=middle, font={"color": color}))
    return found
