"""The compute buffer over a grid of contexts and batches, from few replays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .allocator import Replay
from .prompt import Settings

Column = npt.NDArray[np.int64]
WITH_CELLS = -1
"""Stands for a window that has as many cells as a layer that sees everything."""


def over_grid(settings: Settings, replayed: Callable[[Settings], Replay]) -> npt.NDArray[np.float64]:
    """Bytes for settings whose numbers are arrays that broadcast together; at every point those of a replay there.

    Where only the cells differ, every size is linear in them. Two contexts whose replays decide alike throughout leave
    nothing to be decided otherwise between them: each decision compares two linear sizes. So the buffer is linear too.
    """
    numbers = (settings.tokens, settings.outputs, settings.sequences, settings.streams, settings.cells)
    columns = np.broadcast_arrays(*(np.asarray(n, np.int64) for n in (*numbers, settings.window_cells)))
    points = np.stack([column.ravel() for column in columns], axis=1)
    distinct, where = np.unique(points, axis=0, return_inverse=True)
    found = np.empty(len(distinct))
    for rows in _lines(distinct).values():
        _fill(found, distinct, rows, lambda point: replayed(_at(settings, point)))
    return found[np.ravel(where)].reshape(columns[0].shape)


def _at(settings: Settings, point: Column) -> Settings:
    tokens, outputs, sequences, streams, cells, window_cells = (int(number) for number in point)
    return replace(
        settings,
        tokens=tokens,
        outputs=outputs,
        sequences=sequences,
        streams=streams,
        cells=cells,
        window_cells=window_cells,
    )


def _lines(points: Column) -> dict[tuple[int, ...], list[int]]:
    """Points that differ in their cells alone, in ascending order of these."""
    lines: dict[tuple[int, ...], list[int]] = {}
    for row in np.argsort(points[:, 4], kind="stable"):
        *others, cells, window_cells = (int(number) for number in points[row])
        key = (*others, WITH_CELLS if window_cells == cells else window_cells)
        lines.setdefault(key, []).append(int(row))
    return lines


def _fill(found: npt.NDArray[np.float64], points: Column, rows: list[int], replayed: Callable[[Any], Replay]) -> None:
    ends: dict[int, Replay] = {}
    spans = [(0, len(rows) - 1)]
    while spans:
        low, high = spans.pop()
        for end in (low, high):
            if end not in ends:
                ends[end] = replayed(points[rows[end]])
                found[rows[end]] = ends[end].bytes
        if ends[low].trace == ends[high].trace:
            inner = points[rows[low + 1 : high], 4] - points[rows[low], 4]
            rise, width = ends[high].bytes - ends[low].bytes, int(points[rows[high], 4] - points[rows[low], 4])
            found[rows[low + 1 : high]] = ends[low].bytes + inner * rise // max(1, width)
        elif high - low > 1:
            middle = (low + high) // 2
            spans += [(low, middle), (middle, high)]
