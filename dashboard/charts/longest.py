"""How long a context each of so many users can have: the longest context against batch size."""

from __future__ import annotations

from collections.abc import Sequence
from math import log10
from textwrap import wrap
from typing import Any

from ..theme import BACKGROUND, SERIES
from .layout import FLAT, base_layout, unit_above, words_at
from .log_axes import apart, level_line, log_ticks, point, short

LABEL_WIDTH = 17
"""Characters of a label in one line."""


def longest_chart(
    curves: Sequence[tuple[str, Sequence[int], bool]],
    batches: Sequence[int],
    *,
    now: tuple[int, int],
    supported: int,
    theme: str,
    size: int,
    room: bool = False,
) -> dict[str, Any]:
    """The longest context against batch size, both on log axes, each line named at its right end.

    A curve is a label, tokens for each of `batches` (0 where nothing fits), and whether it is the chosen one; the
    longest comes first. In a `room` the window is filled, so a flatter chart has larger words.
    """
    data: list[dict[str, Any]] = []
    ends = []
    for place, (label, tokens, is_chosen) in enumerate(curves):
        points = [(batch, longest) for batch, longest in zip(batches, tokens, strict=True) if longest]
        colour = SERIES[theme][place % len(SERIES[theme])]
        data.append(_curve(label, points, colour, is_chosen=is_chosen))
        ends.append((label, *points[-1], is_chosen, colour))
    high = max([now[0], supported, *(longest for _, tokens, _ in curves for longest in tokens)])
    low = min([now[0], 256, *(longest for _, _, longest, *_ in ends)])
    bottom, top = log10(low) - 0.1, log10(min(high, 2**24)) + 0.3
    height = (FLAT if room else 24) * size
    names, widest = _names(ends, bottom, top, height, size)
    return {
        "data": [*data, point((now[1], now[0]), theme, size)],
        "layout": {
            **base_layout(size, theme),
            "height": height,
            "margin": {"l": 3 * size, "r": (1.6 + 0.56 * widest) * size, "t": 2 * size, "b": 3.6 * size},
            "xaxis": {
                "type": "log",
                "title": {"text": "sequences at once"},
                "range": [-0.05, log10(batches[-1]) + 0.05],
                **log_ticks(1, batches[-1], short),
            },
            "yaxis": {
                "type": "log",
                "range": [bottom, top],
                **log_ticks(low, 10**top, short),
            },
            "shapes": [level_line(supported, theme)],
            "annotations": [
                unit_above("longest context, tokens", 3, size),
                *names,
                _supported_words(supported, theme),
            ],
        },
    }


def _curve(label: str, points: Sequence[tuple[int, int]], colour: str, *, is_chosen: bool) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": label,
        "x": [batch for batch, _ in points],
        "y": [longest for _, longest in points],
        "line": {"color": colour, "width": 4 if is_chosen else 2},
        "marker": {"color": colour, "size": 5},
        "hovertemplate": f"{label}: %{{y:,}} tokens at batch %{{x:,}}<extra></extra>",
    }


def _names(
    ends: Sequence[tuple[str, int, int, bool, str]], bottom: float, top: float, height: float, size: int
) -> tuple[list[dict[str, Any]], int]:
    """What each line is called, on the right of its end and clear of the others; and the longest row of letters."""
    written = [wrap(label, LABEL_WIDTH) for label, *_ in ends]
    tallest = max((len(rows) for rows in written), default=1)
    gap = (top - bottom) * 1.35 * tallest * size / (height - 5.6 * size)
    places = apart([log10(longest) for _, _, longest, *_ in ends], gap, bottom, top)
    found = []
    for (_, batch, _, is_chosen, colour), rows, y in zip(ends, written, places, strict=True):
        words = "<br>".join(rows)
        text = f"<span style='color:{colour}'>■</span> {f'<b>{words}</b>' if is_chosen else words}"
        found.append(words_at(text, x=log10(batch), y=y, xanchor="left", xshift=8, align="left"))
    return found, max((len(row) for rows in written for row in rows), default=0)


def _supported_words(supported: int, theme: str) -> dict[str, Any]:
    return words_at(
        "the model's limit",
        xref="paper",
        x=0.97,
        y=log10(supported),
        xanchor="right",
        yanchor="bottom",
        yshift=2,
        borderpad=0,
        bgcolor=BACKGROUND[theme],
    )
