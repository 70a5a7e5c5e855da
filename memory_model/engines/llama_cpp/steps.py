"""What is done with the tensors of a graph, in order, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .allocator import first_and_nodes
from .graph import Graph, Tensor


class Step(NamedTuple):
    """A tensor that one backend computes or copies, and what it reads there."""

    place: int
    tensor: Tensor
    sources: tuple[Tensor, ...]
    takes: tuple[Tensor, ...] = ()
    extra: int = 0
    """Bytes of the tensor that this backend has no use for; negative for more."""

    @property
    def bytes(self) -> int:
        """What the tensor takes there."""
        return self.tensor.bytes - self.extra


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """All steps of a graph."""

    steps: list[Step]
    begins: frozenset[int]
    """The first steps of layers, counted from 0."""
    kept: set[Tensor]
    """Never given back."""


def whole_steps(graph: Graph, on_device: bool) -> Steps:
    """Those of one buffer, at place 0, as `allocator.replay` has them."""
    first, nodes = first_and_nodes(graph, on_device)
    before = len(first) + len(nodes) - len(graph.nodes)
    steps = [Step(0, tensor, ()) for tensor in first]
    steps += [Step(0, node, node.sources, node.takes(on_device)) for node in nodes]
    return Steps(steps, frozenset(mark + before for mark in graph.marks), graph.outputs)
