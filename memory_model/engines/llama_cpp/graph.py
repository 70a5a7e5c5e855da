"""A compute graph as ggml sees it: tensors in the order in which they are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

FLOAT32 = 4


@dataclass(slots=True, eq=False)
class Tensor:
    """What one operation writes, in bytes; an input has no sources.

    Views are no tensors here: who reads a view reads the tensor behind it. Operations that always overwrite their
    only source (biases, norm weights, scales, soft caps) change no place and are left out. Made by the thousand and never
    changed; not frozen, as that takes twice as long to make. So are views and operations.
    """

    name: str
    shape: tuple[int, ...]
    bytes: int
    sources: tuple[Tensor, ...] = field(default=(), repr=False)
    """What it reads that is computed or put in: weights and caches have places elsewhere."""
    reads: tuple[Source, ...] = field(default=(), repr=False)
    """The same, as views where it reads views."""
    overwrites: bool = False
    """Whether it may take over the place of what it reads, of the same shape, if nobody else does."""
    on_host: bool = False
    """Computed where the token embedding is stored, in host memory."""
    placed: bool = True
    """False for a write into a cache, and for what only keeps others alive."""
    fuses: Tensor | None = None
    """Of what only keeps others: the first of the operations that are computed at once."""
    constant: bool = False
    """Known without the host: like an input, it has its place before anything is computed."""

    def takes(self, on_device: bool) -> tuple[Tensor, ...]:
        """Sources whose place it may take over: no views, but a device's own copies of what the host computed."""
        if not self.overwrites:
            return ()
        alike = (source for source in self.reads if source.shape == self.shape)
        return tuple(
            _held(source) for source in alike if isinstance(source, Tensor) or (on_device and source.of.on_host)
        )


@dataclass(slots=True, eq=False)
class View:
    """Another shape of a tensor, or a part of it."""

    shape: tuple[int, ...]
    of: Tensor
    span: int | None = None
    """Bytes from its first value to its last, which are copied where it is read elsewhere; else the whole tensor is."""
    copy: Tensor | None = None
    """A device's own copy of a view of what the host computed, beside that of the whole."""


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
    bytes_ = _values(shape) * FLOAT32 if size is None else size
    return Tensor(name, shape, bytes_, tuple(map(_held, sources)), sources, overwrites, on_host)


def stored(name: str, *sources: Source) -> Tensor:
    """A write into a cache."""
    return Tensor(name, (), 0, tuple(map(_held, sources)), sources, placed=False)


def view(source: Source, *shape: int) -> View:
    """The same values in another shape, or some of them."""
    if isinstance(source, View) and not shape:
        return source
    held = root(source)
    return View(shape, held, held.bytes if _values(shape) * FLOAT32 == held.bytes else None)


def columns(source: Source, width: int, *shape: int) -> View:
    """So many neighbouring values of every row of a tensor."""
    held = root(source)
    return View(shape or (width, *held.shape[1:]), held, held.bytes - (held.shape[0] - width) * FLOAT32)


def values_of(source: Source, *shape: int) -> View:
    """Values of this shape that lie in one piece."""
    return View(shape, root(source), _values(shape) * FLOAT32)


def root(source: Source) -> Tensor:
    """The tensor that holds the values."""
    return source.of if isinstance(source, View) else source


def _held(source: Source) -> Tensor:
    """The tensor that holds the values where they are read: a device may have a copy."""
    return (source.copy or source.of) if isinstance(source, View) else source


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
    layers: dict[Tensor, int] = field(default_factory=dict)
    """The layer of what does not belong to that of what it reads."""
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

    def copied_apart(self, source: View) -> View:
        """A view of what the host computed, which a device copies beside the whole."""
        copy = Tensor(f"{source.of.name}, again", source.shape, source.span or source.of.bytes, on_host=True)
        self.add(source.of)
        self._seen.add(copy)
        return replace(source, copy=copy)

    def mark(self, stream: Tensor) -> None:
        """Notes that a layer begins, which reads this."""
        self.marks.append(len(self.nodes))
        self.streams.append(stream)

    def keep(self, sources: Sequence[Source], first: Tensor) -> None:
        """Holds these tensors until here, although nobody reads them any more: for operations that are computed at once.

        `first` of these, which nothing may part.
        """
        self.nodes.append(replace(stored("kept for a fused operation", *sources), fuses=first))


def _values(shape: tuple[int, ...]) -> int:
    values = 1
    for side in shape:
        values *= side
    return values
