"""The buffers of several backends that compute a graph together (ggml-alloc.c of ggml 0.25.3)."""

from __future__ import annotations

from .allocator import Buffer, Replay, Spot, take_or_place
from .graph import Tensor
from .placement import GPU_ALIGNMENT, HOST, HOST_ALIGNMENT
from .steps import Steps


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
    for step in found.steps:
        place, tensor, sources = step.place, step.tensor, step.sources
        home[tensor] = place
        if tensor.placed:
            buffer = buffers[place]
            before = buffer.bytes
            held[place][tensor] = take_or_place(step.bytes, step.takes, buffer, held[place], readers, kept)
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
