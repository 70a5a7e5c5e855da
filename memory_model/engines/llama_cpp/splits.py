"""Where the operations of a graph are computed, and what is copied for them (ggml-backend.cpp of ggml 0.25.3).

Consecutive operations of one backend are a split. What a split reads from elsewhere is copied when it begins, and the
copy is given back after its last use; with several copies of every input, so that GPUs work at once, none is given back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .graph import KEPT, Graph, Tensor, stored
from .placement import HOST
from .steps import Step, Steps


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A node; or what multiplies a norm, or adds a bias, in place."""

    node: Tensor
    fixed: int | None = None
    """Where it is computed because of its weights or of a cache that it writes; None: where its neighbours are."""
    weights: tuple[Tensor, ...] = ()
    """What it reads of a file's tensors that lie on the host."""
    cache: tuple[Tensor, ...] = ()
    """What it reads of a cache that lies on the host."""
    reads_at: int = 0
    """Before which of its sources it reads these: copies are made, and given back, in the order of reading."""
    norms: bool = False
    """What such an operation in place follows; it reads its first source alone."""
    scales: bool = False
    """The operation in place."""
    sizes: tuple[int, int] | None = None
    """Bytes of its result on the host and on a GPU, where they differ."""


def expanded(fixed: Sequence[int | None]) -> list[int]:
    """Places of all operations: those of neighbours, GPUs first down and then up the graph (the scheduler's pass 2)."""
    found = list(fixed)
    for step, only_gpus in ((1, True), (-1, True), (1, False), (-1, False)):
        current = None
        for index in range(len(found))[::step]:
            place = found[index]
            if place is not None:
                current = None if only_gpus and place == HOST else place
            elif current is not None:
                found[index] = current
    return [HOST if place is None else place for place in found]


def split_steps(graph: Graph, operations: Sequence[Operation], copies: int) -> Steps:
    """Inputs, then every split: copies of what it reads from elsewhere, then its operations.

    `copies`: of every input of a split.
    """
    kept = set(graph.outputs)
    places = expanded([operation.fixed for operation in operations])
    steps = list(_Splitting(graph, copies, kept).steps(operations, places))
    marked = {graph.nodes[mark] for mark in graph.marks if mark < len(graph.nodes)}
    begins = frozenset(number for number, step in enumerate(steps) if step.tensor in marked)
    return Steps(steps, begins, kept)


class _Splitting:
    """Goes through a graph and remembers what was copied where."""

    def __init__(self, graph: Graph, copies: int, kept: set[Tensor]) -> None:
        self.inputs, self.copies, self.kept = graph.inputs, copies, kept
        self.home = dict.fromkeys(graph.inputs, HOST)
        self.copied: dict[tuple[Tensor, int], Tensor] = {}
        self.unscaled: dict[Tensor, Tensor] = {}
        """Norms whose first half is computed elsewhere."""

    def steps(self, operations: Sequence[Operation], places: Sequence[int]) -> Iterator[Step]:
        for tensor in self.inputs:
            several = [tensor, *(_like(tensor, tensor.name) for _ in range(self.copies - 1))]
            self.kept.update(several if self.copies > 1 else ())
            yield from (Step(HOST, one, ()) for one in several)
        current: list[tuple[Operation, tuple[Tensor, ...]]] = []
        entering: list[Step] = []
        last = HOST
        for index, (operation, place) in enumerate(zip(operations, places, strict=True)):
            if operation.node.name == KEPT and place == HOST:
                continue
            if current and (place != last or (operation.weights and place != HOST and entering)):
                yield from self._split(last, entering, current)
                current, entering = [], []
            last = place
            if operation.norms and places[index + 1] != place:
                self.unscaled[operation.node] = _like(operation.node, operation.node.name)
            current.append((operation, tuple(self._reads(operation, place, entering))))
        yield from self._split(last, entering, current)

    def _reads(self, operation: Operation, place: int, entering: list[Step]) -> Iterator[Tensor]:
        """What this operation reads where it is computed, in order; copies that this needs are noted."""
        sources, at, on_host = self._sources(operation), operation.reads_at, (*operation.weights, *operation.cache)
        for source in sources[:at]:
            yield self._at(source, place, entering)
        for found in on_host if place != HOST else ():
            if (found, place) not in self.copied:
                self.copied[found, place] = _like(found, f"{found.name}, copied")
                entering.append(Step(place, self.copied[found, place], ()))
            yield self.copied[found, place]
        for source in sources[at:]:
            yield self._at(source, place, entering)
        first = self.unscaled.get(operation.node)
        self.home[first if first is not None and not operation.scales else operation.node] = place

    def _at(self, source: Tensor, place: int, entering: list[Step]) -> Tensor:
        """A tensor, or its copy if it was computed elsewhere."""
        if self.home.get(source, place) != place and (source, place) not in self.copied:
            several = [_like(source, f"{source.name}, copied") for _ in range(self.copies)]
            self.copied[source, place] = several[0]
            self.kept.update(several if self.copies > 1 else ())
            entering.extend(Step(place, one, (source,)) for one in several)
        return self.copied.get((source, place), source)

    def _sources(self, operation: Operation) -> tuple[Tensor, ...]:
        node = operation.node
        if operation.norms:
            return node.sources[:1]
        return (self.unscaled.get(node, node), *node.sources[1:]) if operation.scales else node.sources

    def _split(
        self, place: int, entering: list[Step], operations: list[tuple[Operation, tuple[Tensor, ...]]]
    ) -> Iterator[Step]:
        yield from entering
        for operation, reads in operations:
            node, first = operation.node, self.unscaled.get(operation.node)
            takes = tuple(self.copied.get((source, place), source) for source in node.takes)
            if operation.scales and first is None:
                yield Step(place, stored("scaled", node), reads)
            elif operation.scales:
                yield Step(place, node, reads, reads[:1])
            else:
                size = operation.sizes[place != HOST] if operation.sizes else node.bytes
                yield Step(place, first or node, reads, takes, node.bytes - size)


def _like(tensor: Tensor, name: str) -> Tensor:
    return Tensor(name, tensor.shape, tensor.bytes)
