"""The compute buffer over a grid of contexts and batches, from few replays."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .allocator import Replay
from .prompt import Settings

Point = tuple[int, ...]
"""Tokens, outputs, sequences, streams, cells, cells with a window, picked cells, other sequences, rows of a far past."""
CELLS = 4
WITH_CELLS = -1
"""Stands for a window that has as many cells as a layer that sees everything, and for an indexer that picks them all."""


MOST_LINES = 500
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


Lines = dict[Point, Line]


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
    first = (settings.tokens, settings.outputs, settings.sequences, settings.streams)
    numbers = (*first, settings.cells, settings.window_cells, settings.picked, settings.others, settings.far_cells)
    columns = np.broadcast_arrays(*(np.asarray(n, np.int64) for n in numbers))
    points, lines = _lines(np.stack([column.ravel() for column in columns], axis=1).tobytes())
    found: dict[Point, int] = {}
    for key, along in lines.items():
        line = known.get(key)
        if line is None:
            line = known[key] = Line()
        _fill(found, along, line, lambda point: replayed(_at(settings, point)))
    return np.array([found[point] for point in points], np.float64).reshape(columns[0].shape)


def _at(settings: Settings, point: Point) -> Settings:
    tokens, outputs, sequences, streams, cells, window_cells, picked, others, far_cells = point
    return replace(
        settings,
        tokens=tokens,
        outputs=outputs,
        sequences=sequences,
        streams=streams,
        cells=cells,
        window_cells=window_cells,
        picked=picked,
        others=others,
        far_cells=far_cells,
    )


@lru_cache(maxsize=16)
def _lines(numbers: bytes) -> tuple[list[Point], dict[Point, list[Point]]]:
    """All points; and those that differ in their cells alone, in ascending order of these."""
    points: list[Point] = list(map(tuple, np.frombuffer(numbers, np.int64).reshape(-1, 9).tolist()))
    lines: dict[Point, list[Point]] = {}
    for point in sorted(set(points)):
        *first, cells, window_cells, picked, others, far_cells = point
        along = (WITH_CELLS if limited == cells else limited for limited in (window_cells, picked))
        lines.setdefault((*first, *along, others, far_cells), []).append(point)
    return points, lines


def _fill(found: dict[Point, int], along: list[Point], line: Line, replayed: Callable[[Point], Replay]) -> None:
    def at(index: int) -> tuple[int, int]:
        point = along[index]
        bytes_, trace = line.at(point[CELLS], lambda: replayed(point))
        found[point] = bytes_
        return bytes_, trace

    if len(along) == 1:
        at(0)
        return
    spans = [(0, len(along) - 1)]
    while spans:
        low, high = spans.pop()
        (below, left), (above, right) = at(low), at(high)
        if left == right:
            begin, width = along[low][CELLS], along[high][CELLS] - along[low][CELLS]
            for point in along[low + 1 : high]:
                found[point] = below + (point[CELLS] - begin) * (above - below) // width
        elif high - low > 1:
            middle = (low + high) // 2
            spans += [(low, middle), (middle, high)]
