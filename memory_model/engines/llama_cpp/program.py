"""A graph boiled down to what its allocator does, in order, so that many contexts are replayed from one graph.

What is placed and given back, and when, does not depend on the numbers of a context; only the sizes do, and each is a
sum of whole multiples of tokens, outputs, sequences and cells. The multiples are read off a few graphs, and checked on more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .allocator import OPEN, Replay, first_and_nodes
from .graph import Graph, Tensor
from .prompt import Settings

Matrix = npt.NDArray[np.int64]
PROBES = ((6, 2, 5, 7), (35, 5, 9, 4), (12, 3, 2, 5), (21, 7, 3, 3), (44, 4, 1, 8), (9, 1, 11, 2), (26, 13, 6, 9), (50, 2, 8, 1),
          (15, 5, 4, 6), (64, 8, 7, 10), (33, 3, 10, 12))  # fmt: skip
"""Tokens, sequences, and hundreds of cells with and without a window, of small contexts with nothing in common."""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What happens to the places of a graph; a tensor that takes over a place shares its number."""

    events: tuple[int, ...]
    """n + 1: place n is taken; -n - 1: it is given back; 0: layers begin."""
    begins: tuple[int, ...]
    """How many layers begin at each 0: those before the last of them have computed nothing yet."""
    held: tuple[tuple[tuple[int, str], ...], ...]
    """The places that are taken at each 0, and the names of what is there."""
    multiples: Matrix
    """Bytes of each place, as multiples of `terms`."""

    def sizes(self, settings: Settings) -> list[int]:
        """Bytes of each place in a context, padded."""
        found = terms(settings)
        fits = max(found) * len(found) * int(self.multiples.max()) < 2**62
        sizes = self.multiples @ np.array(found, np.int64 if fits else object)
        return (-(-sizes // settings.alignment) * settings.alignment).tolist()  # type: ignore[no-any-return]


def terms(settings: Settings) -> list[int]:
    """What the bytes of every tensor are sums of whole multiples of."""
    n, streams = settings.tokens, settings.streams
    found = [1, n, settings.sequences, n * settings.cells, streams * settings.cells]
    if settings.window_cells:
        found += [n * settings.window_cells, streams * settings.window_cells]
    if settings.outputs != n:
        found.append(settings.outputs)
    return found


def structure(settings: Settings) -> Settings:
    """Equal for contexts that have one program: the same settings with numbers that only say which are alike."""
    return replace(
        settings,
        tokens=2,
        outputs=2 if settings.outputs == settings.tokens else 1,
        sequences=2,
        streams=1 if settings.streams == 1 and settings.sequences > 1 else 2,
        cells=1,
        window_cells=min(settings.window_cells, 1),
    )


def program(settings: Settings, build: Callable[[Settings], Graph]) -> Program | None:
    """The program of all contexts of this structure; None where a size is no such sum."""
    found = structure(settings)
    lines: list[tuple[Any, ...]] = []
    rows, sizes = [], []
    for tokens, sequences, cells, window_cells in PROBES:
        probe = replace(
            found,
            tokens=tokens,
            outputs=tokens if found.outputs == 2 else max(1, tokens - 1 - cells % 4),
            sequences=sequences,
            streams=1 if found.streams == 1 else sequences,
            cells=100 * cells,
            window_cells=100 * window_cells * found.window_cells,
        )
        *line, bytes_ = _compiled(build(probe), probe.on_device)
        lines.append(tuple(line))
        rows.append(terms(probe))
        sizes.append(bytes_)
    known, wanted = np.array(rows), np.array(sizes)
    multiples = np.rint(np.linalg.lstsq(known, wanted, rcond=None)[0]).astype(np.int64)
    if any(line != lines[0] for line in lines) or (known @ multiples != wanted).any():
        return None
    events, begins, held = lines[0]
    return Program(events, begins, held, multiples.T.copy())


def _compiled(
    graph: Graph, on_device: bool
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[tuple[int, str], ...], ...], list[int]]:
    first, nodes = first_and_nodes(graph, on_device)
    marks = Counter(graph.marks)
    readers: dict[Tensor, int] = {}
    for node in nodes:
        for source in node.sources:
            readers[source] = readers.get(source, 0) + 1
    events: list[int] = []
    begins: list[int] = []
    held: list[tuple[tuple[int, str], ...]] = []
    sizes: list[int] = []
    places: dict[Tensor, int] = {}

    def put(tensor: Tensor) -> None:
        places[tensor] = len(sizes)
        sizes.append(tensor.bytes)
        events.append(len(sizes))

    for tensor in first:
        put(tensor)
    for index, node in enumerate(nodes, len(graph.nodes) - len(nodes)):
        if index in marks:
            events.append(0)
            begins.append(marks[index])
            held.append(tuple((place, tensor.name) for tensor, place in places.items()))
        if node.placed:
            free = (s for s in node.takes if readers[s] == 1 and s in places and s not in graph.outputs)
            taken = next(free, None)
            if taken is None:
                put(node)
            else:
                places[node] = places.pop(taken)
        for source in node.sources:
            readers[source] -= 1
            if not readers[source] and source in places and source not in graph.outputs:
                events.append(-1 - places.pop(source))
    return tuple(events), tuple(begins), tuple(held), sizes


def run(program: Program, settings: Settings) -> Replay:
    """The same as `allocator.replay`, which says what is done here and why, but for what was alive.

    Two contexts have one trace if each tensor has its place in the same free block, beside the same smaller ones, all
    neighbours touch alike, and the buffer ends with the same tensor. Sizes being linear, so it is between them: a block
    that is smaller at both ends and too small at both, or larger at both, is never the better choice.
    """
    sizes, held = program.sizes(settings), iter(zip(program.held, program.begins, strict=True))
    offsets, blocks, where = [0], [OPEN], [0] * len(sizes)
    highest = when = 0
    decided: list[int] = []
    states: list[object] = []
    for event in program.events:
        if event > 0:
            size = sizes[event - 1]
            last = best = len(blocks) - 1
            smallest = OPEN
            for i in range(last):
                block = blocks[i]
                if size <= block <= smallest:
                    best, smallest = i, block
            smaller = 0
            if best != last:
                for i in range(last):
                    if blocks[i] < smallest:
                        smaller |= 1 << i
            offset = where[event - 1] = offsets[best]
            left = blocks[best] - size
            if left:
                offsets[best], blocks[best] = offset + size, left
            else:
                del offsets[best], blocks[best]
            if offset + size > highest:
                highest, when = offset + size, len(decided)
            decided.append((smaller << 7 | best) * 2 + (not left))
        elif event:
            size, begin = sizes[-1 - event], where[-1 - event]
            end = begin + size
            for i, other in enumerate(offsets):
                if other + blocks[i] == begin:
                    blocks[i] += size
                    joins = i + 1 < len(offsets) and end == offsets[i + 1]
                    decided.append(-4 * i - 1 - joins)
                    if joins:
                        blocks[i] += blocks.pop(i + 1)
                        del offsets[i + 1]
                    break
                if end == other:
                    offsets[i] = begin
                    blocks[i] += size
                    joins = i > 0 and offsets[i - 1] + blocks[i - 1] == begin
                    decided.append(-4 * i - 3 - joins)
                    if joins:
                        blocks[i - 1] += blocks.pop(i)
                        del offsets[i]
                    break
            else:
                i = next((i for i, other in enumerate(offsets) if other >= begin), len(offsets))
                offsets.insert(i, begin)
                blocks.insert(i, size)
                decided.append(-1_000_000 - i)
        else:
            taken, layers = next(held)
            alive = sorted([(where[slot], sizes[slot], name) for slot, name in taken])
            states.extend([(tuple(offsets), tuple(blocks), tuple(alive))] * layers)
    return Replay(highest, (), hash((when, *decided)), tuple(states))
