"""ggml's graph allocator: the place of every tensor in one buffer (ggml-alloc.c of ggml 0.25.3)."""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass, field

from .graph import Graph, Tensor


@dataclass(slots=True, eq=False)
class Buffer:
    """Free blocks in the order of their offsets, and the open end behind them."""

    alignment: int
    offsets: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    end: int = 0
    """Where the open end begins."""
    bytes: int = 0
    """The highest end that was ever reached."""

    def place(self, size: int) -> int:
        """The smallest block that fits, the last of equals; the open end if none does."""
        best = -1
        for i, free in enumerate(self.sizes):
            if free >= size and (best < 0 or free <= self.sizes[best]):
                best = i
        if best < 0:
            offset = self.end
            self.end += size
            self.bytes = max(self.bytes, self.end)
            return offset
        offset = self.offsets[best]
        if self.sizes[best] == size:
            del self.offsets[best], self.sizes[best]
        else:
            self.offsets[best] += size
            self.sizes[best] -= size
        return offset

    def give_back(self, offset: int, size: int) -> None:
        """Frees a block and joins it with free neighbours."""
        i = bisect(self.offsets, offset)
        if i and self.offsets[i - 1] + self.sizes[i - 1] == offset:
            i -= 1
            offset = self.offsets.pop(i)
            size += self.sizes.pop(i)
        if i < len(self.offsets) and offset + size == self.offsets[i]:
            size += self.sizes[i]
            del self.offsets[i], self.sizes[i]
        if offset + size == self.end:
            self.end = offset
        else:
            self.offsets.insert(i, offset)
            self.sizes.insert(i, size)


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of a graph."""

    bytes: int
    fullest: tuple[tuple[str, int], ...]
    """Names and bytes of the tensors that were alive when the buffer last grew."""


def replay(graph: Graph, alignment: int, on_device: bool) -> Replay:
    """Places every tensor of a graph.

    On a device, what the host computed is copied: the copies have their places first, in the order of their first
    use, and give them back after their last (ggml-backend.cpp ggml_backend_sched_split_graph).
    """
    first, nodes = _on_device(graph) if on_device else (graph.inputs, graph.nodes)
    readers: dict[Tensor, int] = {}
    for node in nodes:
        for source in node.sources:
            readers[source] = readers.get(source, 0) + 1
    buffer = Buffer(alignment)
    places: dict[Tensor, tuple[int, int]] = {}
    for tensor in first:
        size = -(-tensor.bytes // alignment) * alignment
        places[tensor] = (buffer.place(size), size)
    highest, alive = buffer.bytes, dict(places)
    for node in nodes:
        if node.bytes:
            places[node] = _place(node, buffer, places, readers, graph.outputs)
            if buffer.bytes > highest:
                highest, alive = buffer.bytes, dict(places)
        for source in node.sources:
            readers[source] -= 1
            if not readers[source] and source in places and source not in graph.outputs:
                buffer.give_back(*places.pop(source))
    return Replay(buffer.bytes, tuple((tensor.name, size) for tensor, (_, size) in alive.items()))


def _place(
    node: Tensor,
    buffer: Buffer,
    places: dict[Tensor, tuple[int, int]],
    readers: dict[Tensor, int],
    outputs: set[Tensor],
) -> tuple[int, int]:
    size = -(-node.bytes // buffer.alignment) * buffer.alignment
    for source in node.takes:
        if readers[source] == 1 and source in places and source not in outputs:
            offset, taken = places.pop(source)
            if taken > size:
                buffer.give_back(offset + size, taken - size)
            return offset, size
    return buffer.place(size), size


def _on_device(graph: Graph) -> tuple[list[Tensor], list[Tensor]]:
    nodes = [node for node in graph.nodes if not node.on_host]
    copied = {source: None for node in nodes for source in node.sources if source.on_host}
    return list(copied), nodes
