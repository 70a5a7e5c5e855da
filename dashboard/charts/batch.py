"""Stacked bars of memory against batch size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..theme import BACKGROUND, STACK
from ..wording import UNITS, amount
from .layout import base_layout, capacity_line, capacity_words


def batch_chart(
    batches: Sequence[int],
    components: Mapping[str, Sequence[int]],
    *,
    now: int,
    unit: str,
    capacity: int | None,
    device: str,
    theme: str,
    size: int,
) -> dict[str, Any]:
    """Stacked bars of bytes by component against batch size, with the device's capacity and labels beside the last bar.

    `now` is the chosen batch size; `theme` is `light` or `dark`; `size` is the height of the text in pixels.
    """
    shown = [part for part in STACK if any(components.get(part.name, ()))]
    places = list(range(len(batches)))
    last = len(batches) - 1
    total = sum(components[part.name][last] for part in shown)
    top = max(total, capacity if capacity and capacity < 4 * total else 0) * 1.1 / UNITS[unit]
    return {
        "data": [
            {
                "type": "bar",
                "name": part.label,
                "x": places,
                "y": [value / UNITS[unit] for value in components[part.name]],
                "marker": {"color": getattr(part, theme), "line": {"color": BACKGROUND[theme], "width": 1.5}},
                "customdata": [
                    [f"{batch:,}", amount(value, unit)]
                    for batch, value in zip(batches, components[part.name], strict=True)
                ],
                "hovertemplate": f"{part.label} at batch %{{customdata[0]}}: %{{customdata[1]}}<extra></extra>",
            }
            for part in shown
        ],
        "layout": {
            "barmode": "stack",
            "bargap": 0.22,
            "height": 28 * size,
            **base_layout(size, theme),
            "margin": {"l": 4.2 * size, "r": 11 * size, "t": 1.5 * size, "b": 3.6 * size},
            "xaxis": {
                "tickvals": places,
                "ticktext": [f"<b>{batch:,}</b>" if batch == now else f"{batch:,}" for batch in batches],
                "title": {"text": f"sequences at once (chosen: {now:,})"},
                "fixedrange": True,
            },
            "yaxis": {
                "title": {"text": unit},
                "range": [0, top],
                "gridcolor": "rgba(128,128,128,.3)",
                "zeroline": False,
                "fixedrange": True,
            },
            "shapes": capacity_line(capacity, unit, theme),
            "annotations": [
                *_labels(shown, components, last, unit, top, size),
                *capacity_words(capacity, unit, device, top),
                _chosen_total(batches, components, now, unit),
            ],
        },
    }


def _chosen_total(
    batches: Sequence[int], components: Mapping[str, Sequence[int]], now: int, unit: str
) -> dict[str, Any]:
    place = batches.index(now)
    total = sum(values[place] for values in components.values())
    return {
        "x": place,
        "y": total / UNITS[unit],
        "text": f"<b>{amount(total, unit)}</b>",
        "yanchor": "bottom",
        "showarrow": False,
    }


def _labels(
    shown: Sequence[Any], components: Mapping[str, Sequence[int]], last: int, unit: str, top: float, size: int
) -> list[dict[str, Any]]:
    """A label at the middle of each segment of the last bar, pushed apart so that none overlap or leave the chart."""
    gap = top * 2.7 * size / (28 * size - 5.1 * size)
    places: list[float] = []
    base, lowest = 0.0, gap / 2
    for part in shown:
        value = components[part.name][last] / UNITS[unit]
        places.append(max(base + value / 2, lowest))
        base, lowest = base + value, places[-1] + gap
    highest = top - gap / 2
    for index in reversed(range(len(places))):
        places[index] = min(places[index], highest)
        highest = places[index] - gap
    style = {"xref": "paper", "x": 1.01, "xanchor": "left", "align": "left", "showarrow": False}
    return [
        style | {"y": at, "text": f"{part.label}<br><b>{amount(components[part.name][last], unit)}</b>"}
        for part, at in zip(shown, places, strict=True)
    ]
