"""The compute buffer over a grid of contexts and batches, from few replays."""

from __future__ import annotations

from bisect import bisect_left
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


MOST_LINES = 20_000
"""Lines that are kept for later grids of the same settings; beyond them all are forgotten."""


class Line:
    """Replays of contexts that differ in their cells alone, in ascending order of these."""

    __slots__ = ("cells", "found")

    def __init__(self) -> None:
        self.cells: list[int] = []
        self.found: list[tuple[int, int]] = []
        """Bytes and trace."""

    def at(self, cells: int, replayed: Callable[[], Replay]) -> tuple[int, int]:
        """Bytes and trace, of a new replay only where those on both sides decide otherwise."""
        i = bisect_left(self.cells, cells)
        if i < len(self.cells):
            if self.cells[i] == cells:
                return self.found[i]
            if i and self.found[i - 1][1] == self.found[i][1]:
                (below, trace), (above, _) = self.found[i - 1 : i + 1]
                width = self.cells[i] - self.cells[i - 1]
                return below + (cells - self.cells[i - 1]) * (above - below) // width, trace
        found = replayed()
        self.cells.insert(i, cells)
        self.found.insert(i, (found.bytes, found.trace))
        return self.found[i]


Lines = dict[tuple[int, ...], Line]


def over_grid(
    settings: Settings, replayed: Callable[[Settings], Replay], known: Lines | None = None
) -> npt.NDArray[np.float64]:
    """Bytes for settings whose numbers are arrays that broadcast together; at every point those of a replay there.

    Where only the cells differ, every size is linear in them. Two contexts whose replays decide alike throughout leave
    nothing to be decided otherwise between them: each decision compares two linear sizes. So the buffer is linear too.
    `known`: lines of earlier grids of the same settings but for their numbers, which are used and added to.
    """
    known = {} if known is None else known
    if len(known) > MOST_LINES:
        known.clear()
    numbers = (settings.tokens, settings.outputs, settings.sequences, settings.streams, settings.cells)
    columns = np.broadcast_arrays(*(np.asarray(n, np.int64) for n in (*numbers, settings.window_cells)))
    points = np.stack([column.ravel() for column in columns], axis=1)
    distinct, where = np.unique(points, axis=0, return_inverse=True)
    found = np.empty(len(distinct))
    for key, rows in _lines(distinct).items():
        line = known.setdefault(key, Line())
        _fill(found, distinct, rows, line, lambda point: replayed(_at(settings, point)))
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


def _fill(
    found: npt.NDArray[np.float64], points: Column, rows: list[int], line: Line, replayed: Callable[[Any], Replay]
) -> None:
    def at(row: int) -> tuple[int, int]:
        return line.at(int(points[row, 4]), lambda: replayed(points[row]))

    spans = [(0, len(rows) - 1)]
    while spans:
        low, high = spans.pop()
        (below, left), (above, right) = at(rows[low]), at(rows[high])
        found[rows[low]], found[rows[high]] = below, above
        if left == right:
            inner = points[rows[low + 1 : high], 4] - points[rows[low], 4]
            width = int(points[rows[high], 4] - points[rows[low], 4])
            rise = above - below
            found[rows[low + 1 : high]] = [below + int(cells) * rise // max(1, width) for cells in inner]
        elif high - low > 1:
            middle = (low + high) // 2
            spans += [(low, middle), (middle, high)]
