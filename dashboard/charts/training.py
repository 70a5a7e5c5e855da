"""Stacked bars of inference and training, one bar a method, each segment named where there is room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..theme import BACKGROUND, STACK, TRAINING_STACK, ComponentStyle
from ..wording import UNITS, amount
from .layout import base_layout, capacity_line, capacity_words


def training_chart(
    bars: Sequence[tuple[str, Mapping[str, int]]],
    *,
    unit: str,
    capacity: int | None,
    device: str,
    theme: str,
    size: int,
) -> dict[str, Any]:
    """`bars` are names and bytes by component; `size` is the height of the text in pixels."""
    totals = [sum(parts.values()) for _, parts in bars]
    near = capacity if capacity and capacity < 4 * max(totals) else 0
    top = max(*totals, near, 1) * 1.12 / UNITS[unit]
    order = [TRAINING_STACK[0], STACK[1], *TRAINING_STACK[1:]]
    return {
        "data": [_segments(part, bars, unit, theme, top) for part in order if any(b.get(part.name) for _, b in bars)],
        "layout": {
            **base_layout(size, theme),
            "barmode": "stack",
            "bargap": 0.35,
            "height": 30 * size,
            "uniformtext": {"minsize": size * 0.8, "mode": "hide"},
            "xaxis": {"tickvals": list(range(len(bars))), "ticktext": [name for name, _ in bars], "fixedrange": True},
            "yaxis": {
                "title": {"text": unit},
                "range": [0, top],
                "gridcolor": "rgba(128,128,128,.3)",
                "zeroline": False,
                "fixedrange": True,
            },
            "shapes": capacity_line(capacity, unit, theme),
            "annotations": [
                *capacity_words(capacity, unit, device, top),
                *(
                    {
                        "x": place,
                        "y": total / UNITS[unit],
                        "text": f"<b>{amount(total, unit)}</b>",
                        "yanchor": "bottom",
                        "showarrow": False,
                        "bgcolor": BACKGROUND[theme],
                    }
                    for place, total in enumerate(totals)
                ),
            ],
        },
    }


def _segments(
    part: ComponentStyle, bars: Sequence[tuple[str, Mapping[str, int]]], unit: str, theme: str, top: float
) -> dict[str, Any]:
    sizes = [parts.get(part.name, 0) for _, parts in bars]
    return {
        "type": "bar",
        "name": part.label,
        "x": list(range(len(bars))),
        "y": [size / UNITS[unit] for size in sizes],
        "marker": {"color": getattr(part, theme), "line": {"color": BACKGROUND[theme], "width": 1.5}},
        "text": [f"{part.label} {amount(size, unit)}" if size / UNITS[unit] > top / 24 else "" for size in sizes],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "customdata": [[name, amount(size, unit)] for (name, _), size in zip(bars, sizes, strict=True)],
        "hovertemplate": f"%{{customdata[0]}}: {part.label} %{{customdata[1]}}<extra></extra>",
    }
