"""Pictures of a model: parameters by part, and the kind of every layer. Numbers in, one dict out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..theme import BACKGROUND, SERIES, TEXT
from ..wording import share
from .layout import words_at

PARTS = {"mlp": "MLP", "head": "output head"}
"""Parts whose own name does not say enough."""


def parts_chart(parameters: Mapping[str, int], *, theme: str, size: int) -> dict[str, Any]:
    """One horizontal bar a part, the largest on top, with its count written beside it."""
    names, total = list(parameters)[::-1], sum(parameters.values())
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "y": [f"{PARTS.get(name, name)} " for name in names],
                "x": [parameters[name] for name in names],
                "marker": {"color": SERIES[theme][0]},
                "hovertemplate": "%{y}: %{x:,} parameters<extra></extra>",
            }
        ],
        "layout": _layout(theme, size, height=int(size * (1.5 + 2.2 * len(names))))
        | {
            "xaxis": {"visible": False, "range": [0, max(parameters.values())], "fixedrange": True},
            "yaxis": {"automargin": True, "fixedrange": True},
            "margin": {"l": 10, "r": 8.6 * size, "t": 8, "b": 8},
            "annotations": [
                words_at(
                    f"{_in_short(parameters[name])} ({share(parameters[name], total)})",
                    xref="paper",
                    x=1,
                    xanchor="left",
                    y=place,
                )
                for place, name in enumerate(names)
            ],
        },
    }


def layers_chart(kinds: Sequence[str], *, theme: str, size: int) -> dict[str, Any]:
    """One cell a layer from the first to the last, a row a kind, so that patterns show without telling colours apart."""
    rows = list(dict.fromkeys(kinds))
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "base": [index for index, kind in enumerate(kinds) if kind == row],
                "x": [0.86] * list(kinds).count(row),
                "y": [row] * list(kinds).count(row),
                "marker": {"color": SERIES[theme][place % len(SERIES[theme])]},
                "hovertemplate": f"layer %{{base}}: {row}<extra></extra>",
            }
            for place, row in enumerate(rows)
        ],
        "layout": _layout(theme, size, height=int(size * (5 + 2.4 * len(rows))))
        | {
            "barmode": "overlay",
            "bargap": 0.35,
            "xaxis": {
                "title": {"text": "layer"},
                "range": [-0.5, len(kinds) + 0.5],
                "fixedrange": True,
                "zeroline": False,
            },
            "yaxis": {"automargin": True, "fixedrange": True, "autorange": "reversed"},
        },
    }


def _layout(theme: str, size: int, *, height: int) -> dict[str, Any]:
    return {
        "height": height,
        "showlegend": False,
        "template": {"layout": {"xaxis": {"title": {"font": {"size": size}}}}},
        "paper_bgcolor": BACKGROUND[theme],
        "plot_bgcolor": BACKGROUND[theme],
        "font": {"color": TEXT[theme], "size": size, "family": "Source Sans, sans-serif"},
        "margin": {"l": 10, "r": 10, "t": 8, "b": 3 * size},
    }


def _in_short(count: int) -> str:
    for scale, suffix in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= scale:
            value = count / scale
            return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f} {suffix}"
    return str(count)
