"""Where the operations of a graph are computed, and what is copied for them (ggml-backend.cpp of ggml 0.25.3).

Consecutive operations of one backend are a split. What a split reads from elsewhere is copied when it begins, and the
copy is given back after its last use; with several copies of every input, so that GPUs work at once, all have their
places before anything is computed, and none is given back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .graph import Graph, Source, Tensor, View, root, stored
from .placement import HOST
from .steps import Step, Steps


@dataclass(slots=True, eq=False)
class Operation:
    """A node; or what comes behind it in place: the product of a norm with its weight, the sum with a bias."""

    node: Tensor
    fixed: int | None = None
    """Where it is computed because of its weights or of a cache that it writes; None: where its neighbours are."""
    weights: tuple[Tensor, ...] = ()
    """What it reads of a file's tensors that lie elsewhere."""
    weights_in: int = HOST
    """Where these lie."""
    cache: tuple[Tensor, ...] = ()
    """What it reads of a cache that lies elsewhere, or of a file's tensor in another shape."""
    cached: int = HOST
    """Where that lies."""
    weights_at: int = 0
    cache_at: int = 0
    """Before which of its sources it reads these: copies are made, and given back, in the order of reading."""
    reads: tuple[Source, ...] | None = None
    """What it reads of what was computed; None: all sources of the node, or in place nothing further."""
    in_place: bool = False
    """It reads what the operation before it wrote, and writes over that."""
    sizes: tuple[int, int] | None = None
    """Bytes of its result on the host and on a GPU, where they differ."""
    on_no_gpu: bool = False
    """No GPU computes it: it is where its neighbours are if that is the host, else there alone."""


def expanded(operations: Sequence[Operation]) -> list[int]:
    """Places of all operations: those of neighbours, GPUs first down and then up the graph (the scheduler's pass 2)."""
    found = [operation.fixed for operation in operations]
    for step, only_gpus in ((1, True), (-1, True), (1, False), (-1, False)):
        current = None
        for index in range(len(found))[::step]:
            place = found[index]
            if place is not None:
                current = None if only_gpus and place == HOST else place
            elif current == HOST or (current is not None and not operations[index].on_no_gpu):
                found[index] = current
    return [HOST if place is None else place for place in found]


def split_steps(graph: Graph, operations: Sequence[Operation], copies: int) -> Steps:
    """Inputs, then every split: copies of what it reads from elsewhere, then its operations.

    `copies`: of every input of a split.
    """
    kept = set(graph.outputs)
    places = expanded(operations)
    splitting = _Splitting(graph, copies, kept)
    steps = list(splitting.steps(operations, places))
    steps = [*splitting.leaves(), *steps]
    marked = {graph.nodes[mark] for mark in graph.marks if mark < len(graph.nodes)}
    begins = frozenset(number for number, step in enumerate(steps) if step.tensor in marked)
    return Steps(steps, begins, kept)


class _Splitting:
    """Goes through a graph and remembers what was copied where."""

    def __init__(self, graph: Graph, copies: int, kept: set[Tensor]) -> None:
        self.inputs, self.copies, self.kept = graph.inputs, copies, kept
        self.home = {tensor: HOST for tensor in graph.inputs if not tensor.constant}
        self.empty = {tensor for tensor in graph.inputs if not tensor.bytes}
        """On the host these are the ends of other inputs."""
        self.copied: dict[tuple[Source, int], Tensor] = {}
        self.first: list[Step] = []
        """What has its place before anything is computed."""
        self.constants: list[Step] = []
        """The same, behind that, where it is read."""

    def leaves(self) -> list[Step]:
        """Inputs, copies of them and constants; those of the host in the order of the graph."""
        found = [*self.first, *self.constants]
        if any(step.place == HOST for step in self.constants):
            order = {tensor: number for number, tensor in enumerate(self.inputs)}
            found.sort(key=lambda step: order[step.tensor] if step.place == HOST else len(order))
        return found

    def steps(self, operations: Sequence[Operation], places: Sequence[int]) -> Iterator[Step]:
        for tensor in self.inputs:
            if tensor in self.empty or tensor.constant:
                continue
            several = [tensor, *(_like(tensor, tensor.name) for _ in range(self.copies - 1))]
            self.kept.update(several if self.copies > 1 else ())
            self.first.extend(Step(HOST, one, ()) for one in several)
        current: list[Step] = []
        entering: list[Step] = []
        together: set[Tensor] = set()
        last = HOST
        written: dict[Tensor, Tensor] = {}
        for index, (operation, place) in enumerate(zip(operations, places, strict=True)):
            node = operation.node
            if node.fuses is not None and (place == HOST or node.fuses not in together):
                continue
            if current and (place != last or (operation.weights and place != operation.weights_in and entering)):
                yield from (*entering, *current)
                current, entering, together = [], [], set()
            last = place
            together.add(node)
            sources = node.reads if operation.reads is None else operation.reads
            if operation.in_place:
                sources = (written[node], *(operation.reads or ()))
            reads = tuple(self._reads(operation, sources, place, entering))
            if operation.in_place and self.home[written[node]] == place:
                current.append(Step(place, stored("scaled", node), reads))
                continue
            takes = reads[:1] if operation.in_place else self._takes(node, place)
            extra = node.bytes - operation.sizes[place != HOST] if operation.sizes else 0
            written[node] = _like(node, node.name) if _moves(operations, places, index) else node
            self.home[written[node]] = place
            current.append(Step(place, written[node], reads, takes, extra))
        yield from (*entering, *current)

    def _reads(
        self, operation: Operation, sources: Sequence[Source], place: int, entering: list[Step]
    ) -> Iterator[Tensor]:
        """What an operation reads where it is computed, in order."""
        for at in range(len(sources) + 1):
            elsewhere = operation.weights if at == operation.weights_at and place != operation.weights_in else ()
            elsewhere += operation.cache if at == operation.cache_at and place != operation.cached else ()
            for read in elsewhere:
                yield self._copy(read, place, entering)
            found = self._at(sources[at], place, entering) if at < len(sources) else None
            if found is not None and found not in self.empty:
                yield found

    def _at(self, source: Source, place: int, entering: list[Step]) -> Tensor:
        """A tensor, or its copy if it was computed elsewhere; a part of it is copied on its own."""
        held, key = root(source), _copied_as(source)
        if held.constant and held not in self.home:
            self.home[held] = place
            self.constants.append(Step(place, held, ()))
        if self.home.get(held, place) != place:
            self._copy(key, place, entering, *(() if held in self.empty else (held,)))
        return self.copied.get((key, place), held)

    def _copy(self, source: Source, place: int, entering: list[Step], *awaited: Tensor) -> Tensor:
        """The copy of what lies elsewhere; of several the first, for the others are for the next batches."""
        if (source, place) not in self.copied:
            several = [_like(source, f"{root(source).name}, copied") for _ in range(self.copies)]
            self.copied[source, place] = several[0]
            if self.copies > 1:
                self.kept.update(several)
                self.first.extend(Step(place, one, ()) for one in several)
                entering.append(Step(place, stored("awaited"), awaited))
            else:
                entering.append(Step(place, several[0], awaited))
        return self.copied[source, place]

    def _takes(self, node: Tensor, place: int) -> tuple[Tensor, ...]:
        """What a node may write over: the copy of a view is no view."""
        if not node.overwrites:
            return ()
        found = []
        for source in node.reads:
            copy = self.copied.get((_copied_as(source), place))
            whole = isinstance(source, Tensor) or (copy is not None and source.span == node.bytes)
            if whole and source.shape == node.shape:
                found.append(copy or root(source))
        return tuple(found)


def _copied_as(source: Source) -> Source:
    """What is copied where a source is read elsewhere."""
    return source if isinstance(source, View) and source.span is not None else root(source)


def _moves(operations: Sequence[Operation], places: Sequence[int], index: int) -> bool:
    """Whether a later operation in place is computed elsewhere."""
    for later in range(index + 1, len(operations)):
        if not operations[later].in_place:
            return False
        if places[later] != places[index]:
            return True
    return False


def _like(source: Source, name: str) -> Tensor:
    size = source.span if isinstance(source, View) else source.bytes
    return Tensor(name, source.shape, size or 0)
