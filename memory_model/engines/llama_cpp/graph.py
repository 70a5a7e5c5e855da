"""A compute graph as ggml sees it: tensors in the order in which they are computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

FLOAT32 = 4
KEPT = "kept for a fused operation"
"""What only holds others; operations are fused on a GPU alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """What one operation writes, in bytes; an input has no sources.

    Views are no tensors here: who reads a view reads the tensor behind it. Operations that always overwrite their
    only source (biases, norm weights, scales, soft caps) change no place and are left out.
    """

    name: str
    shape: tuple[int, ...]
    bytes: int
    sources: tuple[Tensor, ...] = ()
    """What it reads that is computed or put in: weights and caches have places elsewhere."""
    takes: tuple[Tensor, ...] = ()
    """Sources whose place it may take over, if nobody else reads them: of the same shape and no views."""
    on_host: bool = False
    """Computed where the token embedding is stored, in host memory."""
    placed: bool = True
    """False for a write into a cache, and for what only keeps others alive."""
    constant: bool = False
    """Known without the host: like an input, it has its place before anything is computed."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Another shape of a tensor, or a part of it."""

    shape: tuple[int, ...]
    of: Tensor


Source = Tensor | View


def input_tensor(name: str, shape: tuple[int, ...], value_bytes: int = FLOAT32) -> Tensor:
    """What the host writes before the graph runs."""
    return Tensor(name, shape, _values(shape) * value_bytes, on_host=True)


def computed(
    name: str,
    shape: tuple[int, ...],
    *sources: Source,
    overwrites: bool = False,
    size: int | None = None,
    on_host: bool = False,
) -> Tensor:
    """What an operation writes: float32 values of this shape, unless `size` says how many bytes.

    `overwrites`: the operation may write over a source (ggml-alloc.c ggml_op_can_inplace).
    """
    takes: tuple[Tensor, ...] = ()
    if overwrites:
        takes = tuple(source for source in sources if isinstance(source, Tensor) and source.shape == shape)
    bytes_ = _values(shape) * FLOAT32 if size is None else size
    return Tensor(name, shape, bytes_, tuple(map(root, sources)), takes, on_host)


def stored(name: str, *sources: Source) -> Tensor:
    """A write into a cache."""
    return Tensor(name, (), 0, tuple(map(root, sources)), placed=False)


def view(source: Source, *shape: int) -> View:
    """The same values in another shape, or some of them."""
    return View(shape, root(source))


def root(source: Source) -> Tensor:
    """The tensor that holds the values."""
    return source.of if isinstance(source, View) else source


@dataclass(slots=True, eq=False)
class Graph:
    """Tensors in the order of ggml_build_forward_expand (ggml.c): the sources of each first, from left to right."""

    inputs: list[Tensor] = field(default_factory=list)
    nodes: list[Tensor] = field(default_factory=list)
    outputs: set[Tensor] = field(default_factory=set)
    """Never given back."""
    marks: list[int] = field(default_factory=list)
    """How many nodes there were when each layer began."""
    streams: list[Tensor] = field(default_factory=list)
    """What each layer reads first."""
    _seen: set[Tensor] = field(default_factory=set)

    def add(self, source: Source) -> None:
        """Adds a tensor after everything that it depends on."""
        tensor = root(source)
        if tensor in self._seen:
            return
        self._seen.add(tensor)
        for needed in tensor.sources:
            self.add(needed)
        if tensor.constant or (tensor.on_host and not tensor.sources):
            self.inputs.append(tensor)
        else:
            self.nodes.append(tensor)

    def mark(self, stream: Tensor) -> None:
        """Notes that a layer begins, which reads this."""
        self.marks.append(len(self.nodes))
        self.streams.append(stream)

    def keep(self, sources: Iterable[Source]) -> None:
        """Holds these tensors until here, although nobody reads them any more."""
        self.nodes.append(stored(KEPT, *sources))


def _values(shape: tuple[int, ...]) -> int:
    values = 1
    for side in shape:
        values *= side
    return values
