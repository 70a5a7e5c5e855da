"""The edge of what fits on a plane of context length and batch size, one line for each thing that is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from ..theme import BACKGROUND, SERIES, TEXT
from .layout import FLAT, base_layout, unit_above, words_at
from .log_axes import log_ticks, point, short, upright_line


@dataclass(frozen=True, slots=True)
class Edge:
    """One line: how it is called, and its corners as pairs of a context length and a batch size."""

    label: str
    corners: tuple[tuple[int, int], ...]
    """From the shortest context to the longest; below and to the left of the line everything fits."""
    is_chosen: bool


def frontier_chart(
    edges: Sequence[Edge],
    *,
    now: tuple[int, int],
    most: tuple[int, int],
    supported: int,
    theme: str,
    size: int,
    room: bool = False,
) -> dict[str, Any]:
    """Batch size against context length, both on log axes; every line ends in its own row of labels under the plane.

    `now` is the chosen point, `most` the ends of both axes, `supported` the context that the model was made for; all as
    tokens and sequences. `edges` come with the longest first; `theme` is `light` or `dark`, `size` the text's height; in a `room` the
    window is filled, so a flatter chart has larger words.
    """
    left, right = 256, most[0]
    rows = len(edges)
    band = 1.6 * (rows + 0.5) * size
    height = (FLAT - 3 if room else 22) * size + band
    share = band / (height - 5.6 * size)
    top = log10(max(most[1], 2 * now[1]))
    bottom = -top * share / (1 - share)
    to_left = _is_crowded_right(edges, left, right)
    order = list(edges) if to_left else list(reversed(edges))
    data: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for place, edge in enumerate(edges):
        row = bottom * (rows - order.index(edge)) / (rows + 0.5)
        line = _line(edge, left, right, SERIES[theme][place % len(SERIES[theme])])
        end = min(line["x"][-1], right)
        data += [line, _drop(end, line["y"][-1], 10**row, line["line"])]
        notes.append(_label(edge, log10(end), row, to_left, theme))
    notes += [_supported_words(supported, top, right), _now_words(now, edges, right, theme, size)]
    data.append(point(now, theme, size))
    return {
        "data": data,
        "layout": {
            **base_layout(size, theme),
            "height": height,
            "margin": {"l": 3.2 * size, "r": 1.5 * size, "t": 2 * size, "b": 3.6 * size},
            "xaxis": {
                "type": "log",
                "title": {"text": "tokens per sequence"},
                "range": [log10(left), log10(right)],
                **log_ticks(left, right, short),
            },
            "yaxis": {
                "type": "log",
                "range": [bottom, top],
                **log_ticks(1, 10**top),
            },
            "shapes": [
                {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 1, "y1": 1, "line": {"color": TEXT[theme]}},
                upright_line(supported, theme),
            ],
            "annotations": [*notes, unit_above("sequences at once", 3.2, size)],
        },
    }


def _within(corners: Sequence[tuple[int, int]], left: int, right: int) -> list[tuple[float, float]]:
    """The corners on the plane; a line that leaves it on the right is cut at the edge, on its straight way."""
    inside: list[tuple[float, float]] = [(context, batch) for context, batch in corners if left <= context <= right]
    beyond = next(((context, batch) for context, batch in corners if context > right), None)
    if beyond and inside:
        (x0, y0), (x1, y1) = inside[-1], beyond
        share = log10(right / x0) / log10(x1 / x0)
        inside.append((right, y0 * (y1 / y0) ** share))
    elif beyond:
        inside.append((right, beyond[1]))
    return inside or [(left, 1)]


def _is_crowded_right(edges: Sequence[Edge], left: int, right: int) -> bool:
    """Whether there is more room for labels on the left of the ends than on their right."""
    places = [log10(min(edge.corners[-1][0], right) / left) / log10(right / left) for edge in edges]
    return not places or min(places) > 1 - max(places)


def _line(edge: Edge, left: int, right: int, colour: str) -> dict[str, Any]:
    x, y = zip(*_within(edge.corners, left, right))
    return {
        "type": "scatter",
        "mode": "lines",
        "name": edge.label,
        "x": x,
        "y": y,
        "line": {"color": colour, "width": 4 if edge.is_chosen else 2},
        "hovertemplate": f"{edge.label}: %{{y:,}} at %{{x:,}} tokens<extra></extra>",
    }


def _drop(x: float, y_from: float, y_to: float, line: dict[str, Any]) -> dict[str, Any]:
    """From the end of a line down to its row of the labels."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x, x],
        "y": [y_from, y_to],
        "line": line,
        "hoverinfo": "skip",
    }


def _label(edge: Edge, x: float, y: float, to_left: bool, theme: str) -> dict[str, Any]:
    weight = "b" if edge.is_chosen else "span"
    return words_at(
        f"<{weight}>{edge.label}: {edge.corners[-1][0]:,}</{weight}>",
        x=x,
        y=y,
        xanchor="right" if to_left else "left",
        xshift=-4 if to_left else 4,
        bgcolor=BACKGROUND[theme],
        borderpad=0,
    )


def _now_words(now: tuple[int, int], edges: Sequence[Edge], right: int, theme: str, size: int) -> dict[str, Any]:
    """Where no falling line is near: under and before a point that fits, over and beyond others and those at the bottom."""
    fits = any(x >= now[0] and y >= now[1] for edge in edges if edge.is_chosen for x, y in edge.corners)
    below = fits and now[1] > 2
    to_left = below or now[0] > right / 4
    return words_at(
        "<b>chosen</b>",
        x=log10(now[0]),
        y=log10(now[1]),
        xanchor="right" if to_left else "left",
        yanchor="top" if below else "bottom",
        xshift=(-0.6 if to_left else 0.6) * size,
        yshift=(-0.2 if below else 0.4) * size,
        borderpad=0,
        bgcolor=BACKGROUND[theme],
    )


def _supported_words(supported: int, top: float, right: int) -> dict[str, Any]:
    side = "left" if supported * 64 < right else "right"
    return words_at(" the model's limit ", x=log10(supported), y=top, xanchor=side, yanchor="top")
