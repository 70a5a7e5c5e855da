"""A graph that several backends compute together, and the buffer of each (ggml-backend.cpp of ggml 0.25.3).

Consecutive nodes of one backend are a split. What a split reads from elsewhere is copied when it begins, and the copy is
given back after its last use; with several copies of every input, so that GPUs work at once, none is given back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .allocator import Buffer, Replay, Spot, take_or_place
from .graph import Graph, Tensor
from .placement import GPU_ALIGNMENT, HOST, HOST_ALIGNMENT
from .steps import Step, Steps


def replay_split(found: Steps, gpus: int) -> dict[int, Replay]:
    """What becomes of the graph on the host and on each GPU."""
    kept = found.kept
    readers: dict[Tensor, int] = {}
    for step in found.steps:
        for source in step.sources:
            readers[source] = readers.get(source, 0) + 1
    buffers = {place: Buffer(HOST_ALIGNMENT if place == HOST else GPU_ALIGNMENT) for place in range(HOST, gpus)}
    held: dict[int, dict[Tensor, Spot]] = {place: {} for place in buffers}
    fullest: dict[int, dict[Tensor, Spot]] = {place: {} for place in buffers}
    home: dict[Tensor, int] = {}
    for place, tensor, sources, takes in found.steps:
        home[tensor] = place
        if tensor.placed:
            buffer = buffers[place]
            before = buffer.bytes
            held[place][tensor] = take_or_place(tensor.bytes, takes, buffer, held[place], readers, kept)
            if buffer.bytes > before:
                fullest[place] = dict(held[place])
        for source in sources:
            readers[source] -= 1
            there = held[home[source]]
            if not readers[source] and source in there and source not in kept:
                buffers[home[source]].give_back(*there.pop(source))
    return {
        place: Replay(
            buffer.bytes,
            tuple((tensor, size) for tensor, (_, size) in fullest[place].items()),
            hash((buffer.trace, len(found.steps))),
            (),
        )
        for place, buffer in buffers.items()
    }


def split_steps(graph: Graph, places: Sequence[int], foreign: Mapping[Tensor, tuple[int, ...]], copies: int) -> Steps:
    """Inputs, then every split: copies of what it reads from elsewhere, then its nodes.

    `places`: that of every node; `foreign`: bytes of weights or of a cache in host memory that a node reads on a GPU,
    which are copied for it; `copies`: of every input of a split.
    """
    kept = set(graph.outputs)
    marked = {graph.nodes[mark] for mark in graph.marks if mark < len(graph.nodes)}
    steps = list(_steps(graph, places, foreign, copies, kept))
    begins = frozenset(number for number, step in enumerate(steps) if step.tensor in marked)
    return Steps(steps, begins, kept)


def _steps(
    graph: Graph, places: Sequence[int], foreign: Mapping[Tensor, tuple[int, ...]], copies: int, kept: set[Tensor]
) -> Iterator[Step]:
    home = dict.fromkeys(graph.inputs, HOST)
    for tensor in graph.inputs:
        several = [tensor, *(_like(tensor, tensor.name) for _ in range(copies - 1))]
        kept.update(several)
        yield from (Step(HOST, one, ()) for one in several)
    copied: dict[tuple[Tensor, int], Tensor] = {}
    for place, nodes in _splits(graph.nodes, places, foreign):
        for node in nodes:
            for source in node.sources:
                if home.get(source, place) != place and (source, place) not in copied:
                    several = [_like(source, f"{source.name}, copied") for _ in range(copies)]
                    copied[source, place] = several[0]
                    kept.update(several if copies > 1 else ())
                    yield from (Step(place, one, (source,)) for one in several)
            home[node] = place
        for node in nodes:
            sources = tuple(copied.get((source, place), source) for source in node.sources)
            takes = tuple(copied.get((source, place), source) for source in node.takes)
            if node not in foreign:
                yield Step(place, node, sources, takes)
                continue
            needed = tuple(
                Tensor(f"what {node.name} reads on the host, copied", (size // 4,), size) for size in foreign[node]
            )
            yield from (Step(place, one, ()) for one in needed)
            yield Step(place, node, (*sources, *needed), takes)


def _splits(
    nodes: Sequence[Tensor], places: Sequence[int], foreign: Mapping[Tensor, tuple[int, ...]]
) -> Iterator[tuple[int, list[Tensor]]]:
    """A node with something foreign begins a split, so that the copies before it are given back."""
    current: list[Tensor] = []
    last = HOST
    for node, place in zip(nodes, places, strict=True):
        if current and (place != last or node in foreign):
            yield last, current
            current = []
        current.append(node)
        last = place
    yield last, current


def _like(tensor: Tensor, name: str) -> Tensor:
    return Tensor(name, tensor.shape, tensor.bytes)
