"""Stacked bars of memory through a conversation: two for each turn, or as wide as their tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..theme import BACKGROUND, STACK, TEXT
from ..wording import UNITS, amount
from .layout import amount_axis, base_layout, capacity_line, capacity_words, unit_above, words_at
from .log_axes import apart

SHADE = "rgba(128,128,128,.16)"
FREE = "Kept for later"
MOST_TICKS = 8
THINNEST = 60
"""Of the chart's height: a gap around anything thinner would be all that is seen of it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A question that is read, or a part of an answer that is written, in bytes at its end."""

    turn: int
    reads: bool
    """Whether it is a question."""
    past: int
    """Tokens of one user's conversation before it."""
    context: int
    """And after it."""
    components: Mapping[str, int]
    kept_free: int
    """Cache that is allocated for later tokens already."""

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.components.values()) + self.kept_free


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the limit is reached."""

    bar: int
    """The place of the first bar that does not fit."""
    token: int
    words: str


def conversation_chart(
    bars: Sequence[Bar],
    *,
    axis: str,
    unit: str,
    limit: int | None,
    device: str,
    mark: Mark | None,
    theme: str,
    size: int,
    room: bool = False,
) -> dict[str, Any]:
    """`axis`: `turns` for two bars a turn, `tokens` for bars as wide as their tokens. `limit` in bytes.

    In a `room` the window is filled, so a flatter chart has larger words.
    """
    height = (21 if room else 27) * size
    tallest = max(bar.total for bar in bars)
    top = max(tallest, limit if limit and limit < 4 * tallest else 0) * 1.2 / UNITS[unit]
    head = 2.6 if mark else 2.4 if limit and limit / UNITS[unit] > top else 1.2
    places = [_place(bar, axis) for bar in bars]
    shown = [part for part in STACK if any(bar.components.get(part.name) for bar in bars)]
    parts = [(part.label, getattr(part, theme), [bar.components[part.name] for bar in bars]) for part in shown]
    gap = 0.0 if axis == "tokens" else 0.6 if len(bars) > 40 else 1.2
    thin = top * UNITS[unit] / THINNEST
    data = [_trace(label, fill, values, bars, places, unit, theme, gap, thin) for label, fill, values in parts]
    if any(bar.kept_free for bar in bars):
        free = [bar.kept_free for bar in bars]
        trace = _trace(FREE, BACKGROUND[theme], free, bars, places, unit, theme, gap, thin)
        hatch = {"shape": "/", "fgcolor": _cache(theme), "bgcolor": BACKGROUND[theme], "size": 7}
        data.append(trace | {"marker": trace["marker"] | {"pattern": hatch}})
    end = places[-1][0] + places[-1][1]
    start = places[0][0] if axis == "tokens" else 0.5
    return {
        "data": data,
        "layout": {
            **base_layout(size, theme),
            "barmode": "stack",
            "height": height,
            "margin": {"l": 3.2 * size, "r": 7.4 * size, "t": (0.8 + head) * size, "b": 3.8 * size},
            "xaxis": _x_axis(bars, axis) | {"range": [start, end + (0.12 if axis == "turns" else 0)]},
            "yaxis": amount_axis(top),
            "shapes": [*_shade(mark, places, end, axis, theme), *capacity_line(limit, unit, theme)],
            "annotations": [
                unit_above(unit, 3.2, size),
                *_labels(parts, bars[-1], unit, top, size, height - head * size, theme),
                *([_mark_words(mark, places, axis, start, end)] if mark else []),
                *(
                    {"bgcolor": BACKGROUND[theme], "align": "left"} | words
                    for words in capacity_words(limit, unit, device, top, "<br>")
                ),
            ],
        },
    }


def _place(bar: Bar, axis: str) -> tuple[float, float]:
    """Where a bar begins, and how wide it is."""
    if axis == "tokens":
        return bar.past, bar.context - bar.past
    return (bar.turn - 0.4, 0.4) if bar.reads else (bar.turn, 0.4)


def _trace(
    label: str,
    fill: str,
    values: Sequence[int],
    bars: Sequence[Bar],
    places: Sequence[tuple[float, float]],
    unit: str,
    theme: str,
    gap: float,
    thin: float,
) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": label,
        "x": [at for at, _ in places],
        "width": [wide for _, wide in places],
        "offset": 0,
        "y": [value / UNITS[unit] for value in values],
        "marker": {
            "color": fill,
            "line": {"color": BACKGROUND[theme], "width": [gap if value > thin else 0 for value in values]},
        },
        "customdata": [[_step(bar), amount(value, unit)] for bar, value in zip(bars, values, strict=True)],
        "hovertemplate": f"{label}, %{{customdata[0]}}: %{{customdata[1]}}<extra></extra>",
    }


def _step(bar: Bar) -> str:
    return f"turn {bar.turn:,}, {'question read' if bar.reads else 'answer'} up to token {bar.context:,}"


def _cache(theme: str) -> str:
    return next(str(getattr(part, theme)) for part in STACK if part.name == "kv_cache")


def _x_axis(bars: Sequence[Bar], axis: str) -> dict[str, Any]:
    common = {"fixedrange": True, "showgrid": False, "zeroline": False}
    if axis == "tokens":
        return common | {"title": {"text": "tokens of one user's conversation"}, "tickformat": ",", "nticks": 5}
    turns = sorted({bar.turn for bar in bars})
    step = -(-len(turns) // MOST_TICKS)
    ticks = [turn for turn in turns if turn == 1 or turn % step == 0]
    title = "turn: question (left), answer (right)"
    return common | {
        "title": {"text": title},
        "tickvals": ticks,
        "ticktext": [f"{turn:,}" for turn in ticks],
        "tickangle": 0,
    }


def _shade(
    mark: Mark | None, places: Sequence[tuple[float, float]], end: float, axis: str, theme: str
) -> list[dict[str, Any]]:
    """Everything from the first token that does not fit."""
    if mark is None:
        return []
    at = _marked(mark, places, axis)
    across = {"xref": "x", "yref": "paper", "y0": 0, "y1": 1}
    line = {"color": TEXT[theme], "width": 1.5, "dash": "dot"}
    return [
        across | {"type": "rect", "x0": at, "x1": end, "fillcolor": SHADE, "line": {"width": 0}, "layer": "below"},
        across | {"type": "line", "x0": at, "x1": at, "line": line},
    ]


def _marked(mark: Mark, places: Sequence[tuple[float, float]], axis: str) -> float:
    return mark.token - 1 if axis == "tokens" else places[mark.bar][0]


def _mark_words(
    mark: Mark, places: Sequence[tuple[float, float]], axis: str, start: float, end: float
) -> dict[str, Any]:
    """Above the plot, on the side of the line that has room."""
    at = _marked(mark, places, axis)
    left = at - start > (end - start) / 2
    anchor = {"xanchor": "right", "align": "right"} if left else {"xanchor": "left", "align": "left"}
    return words_at(mark.words, x=at, xref="x", yref="paper", y=1, yanchor="bottom", **anchor)


def _labels(
    parts: Sequence[tuple[str, str, Sequence[int]]],
    last: Bar,
    unit: str,
    top: float,
    size: int,
    height: float,
    theme: str,
) -> list[dict[str, Any]]:
    """Beside the last bar, at the middle of each segment as far as they do not overlap."""
    named = [(f"<span style='color:{fill}'>■</span> {label}", values[-1]) for label, fill, values in parts]
    named += [(f"<span style='color:{_cache(theme)}'>▨</span> {FREE}", last.kept_free)] if last.kept_free else []
    gap = top * 2.8 * size / (height - 4.6 * size)
    base, wanted = 0.0, []
    for _, value in named:
        wanted.append(base + value / UNITS[unit] / 2)
        base += value / UNITS[unit]
    places = apart(wanted, gap, 0, top)
    return [
        words_at(f"{label}<br><b>{amount(value, unit)}</b>", xref="paper", x=1.01, y=at, xanchor="left", align="left")
        for (label, value), at in zip(named, places, strict=True)
    ]
