"""ggml's graph allocator: the place of every tensor in one buffer (ggml-alloc.c of ggml 0.25.3)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .graph import Graph, Tensor

Spot = tuple[int, int]
"""Offset and size, in bytes."""
OPEN = 2**90
"""Bytes of the open end, which is always the last block, and always large enough."""


@dataclass(slots=True, eq=False)
class Buffer:
    """Free blocks, as the engine keeps them.

    Blocks are joined as ggml_dyn_tallocr_free_bytes does it, which looks at one neighbour in the list: an empty block,
    left behind by an empty tensor, can stand between two that touch, and these stay apart.
    """

    alignment: int
    offsets: list[int] = field(default_factory=lambda: [0])
    sizes: list[int] = field(default_factory=lambda: [OPEN])
    bytes: int = 0
    """The highest end that was ever reached."""
    trace: int = 0
    """A digest of every decision: equal traces mean equal places, up to the sizes themselves."""

    def place(self, size: int) -> int:
        """The smallest block that fits, the last of equals; the open end if none does."""
        offsets, sizes = self.offsets, self.sizes
        best = len(sizes) - 1
        smallest, fitting = OPEN, 0
        for i in range(best):
            if size <= sizes[i]:
                fitting |= 1 << i
                if sizes[i] <= smallest:
                    best, smallest = i, sizes[i]
        offset = offsets[best]
        left = sizes[best] - size
        offsets[best], sizes[best] = offset + size, left
        if not left:
            del offsets[best], sizes[best]
        grows = offset + size > self.bytes
        if grows:
            self.bytes = offset + size
        self.trace = hash((self.trace, fitting, best, left == 0, grows))
        return offset

    def give_back(self, offset: int, size: int) -> None:
        """Frees a block and joins it with a neighbour on either side."""
        offsets, sizes = self.offsets, self.sizes
        for i, begin in enumerate(offsets):
            if begin + sizes[i] == offset:
                sizes[i] += size
                self.trace = hash((self.trace, i, self._join(i)))
                return
            if offset + size == begin:
                offsets[i] = offset
                sizes[i] += size
                self.trace = hash((self.trace, i, i > 0 and self._join(i - 1), "before"))
                return
        i = next((i for i, begin in enumerate(offsets) if begin >= offset), len(offsets))
        offsets.insert(i, offset)
        sizes.insert(i, size)
        self.trace = hash((self.trace, i))

    def _join(self, i: int) -> bool:
        """Joins a block with the next one in the list if they touch."""
        touch = i + 1 < len(self.offsets) and self.offsets[i] + self.sizes[i] == self.offsets[i + 1]
        if touch:
            self.sizes[i] += self.sizes[i + 1]
            del self.offsets[i + 1], self.sizes[i + 1]
        return touch


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of a graph."""

    bytes: int
    fullest: tuple[tuple[Tensor, int], ...]
    """The tensors that were alive when the buffer last grew, and the bytes that each had."""
    trace: int
    """Equal for contexts whose tensors have the same places up to their sizes, which then change the buffer linearly."""
    states: tuple[object, ...]
    """What was where when each layer began; the very same thing where nothing was computed in between."""


def replay(graph: Graph, alignment: int, on_device: bool) -> Replay:
    """Places every tensor of a graph.

    On a device, what the host computed is copied: the copies have their places first, in the order of their first
    use, and give them back after their last (ggml-backend.cpp ggml_backend_sched_split_graph).
    """
    first, nodes = first_and_nodes(graph, on_device)
    marks = Counter(graph.marks)
    readers: dict[Tensor, int] = {}
    for node in nodes:
        for source in node.sources:
            readers[source] = readers.get(source, 0) + 1
    buffer, states = Buffer(alignment), []
    places: dict[Tensor, Spot] = {}
    for tensor in first:
        size = -(-tensor.bytes // alignment) * alignment
        places[tensor] = (buffer.place(size), size)
    highest, alive = buffer.bytes, dict(places)
    before = len(graph.nodes) - len(nodes)
    marks[before] += sum(count for mark, count in marks.items() if mark < before)
    for index, node in enumerate(nodes, before):
        if index in marks:
            held = sorted((*place, tensor.name) for tensor, place in places.items())
            states.extend([(tuple(buffer.offsets), tuple(buffer.sizes), tuple(held))] * marks[index])
        if node.placed:
            places[node] = take_or_place(node.bytes, node.takes(on_device), buffer, places, readers, graph.outputs)
            if buffer.bytes > highest:
                highest, alive = buffer.bytes, dict(places)
        for source in node.sources:
            readers[source] -= 1
            if not readers[source] and source in places and source not in graph.outputs:
                buffer.give_back(*places.pop(source))
    fullest = tuple((tensor, size) for tensor, (_, size) in alive.items())
    return Replay(buffer.bytes, fullest, hash((buffer.trace, len(nodes))), tuple(states))


def take_or_place(
    bytes_: int,
    takes: tuple[Tensor, ...],
    buffer: Buffer,
    places: dict[Tensor, Spot],
    readers: dict[Tensor, int],
    outputs: set[Tensor],
) -> Spot:
    """The place of a source that nobody else reads, or a new one."""
    size = -(-bytes_ // buffer.alignment) * buffer.alignment
    for source in takes:
        if readers[source] == 1 and source in places and source not in outputs:
            offset, taken = places.pop(source)
            buffer.trace = hash((buffer.trace, source.name, taken > size))
            if taken > size:
                buffer.give_back(offset + size, taken - size)
            return offset, size
    return buffer.place(size), size


def first_and_nodes(graph: Graph, on_device: bool) -> tuple[list[Tensor], list[Tensor]]:
    """What has its place first, and what is computed: on a device, its constants, what it needs of the host's tensors
    in the order of first use, and what it computes itself."""
    if not on_device:
        return graph.inputs, graph.nodes
    nodes = [node for node in graph.nodes if not node.on_host]
    copied = {source: None for node in nodes for source in node.sources if source.on_host}
    return [*(tensor for tensor in graph.inputs if tensor.constant), *copied], nodes
