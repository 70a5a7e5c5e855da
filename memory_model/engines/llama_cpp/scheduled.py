"""What every operation of a graph is for the scheduler: where its weights and caches lie, and what it reads of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from math import prod
from typing import Any, NamedTuple

from ...model_shape import ModelShape
from ...number_formats import Formats
from .file_reads import (
    ATTENDS,
    BEHIND,
    BY_SEQUENCE,
    FREQUENCIES,
    LAST,
    MATRICES,
    NORM,
    NORMS,
    READS,
    READS_TOO,
    ROTATED,
    SCALE,
    SCORED,
    SCORES,
    STATES,
    STORES,
    VIEWED,
    WHERE_STORED,
)
from .graph import FLOAT32, Tensor
from .host_reads import cells_read, values_cast
from .placement import HOST, Placement
from .prompt import FAR, NEAR, Settings
from .recipe import Recipe
from .splits import Operation
from .stack import Layer


class Held(NamedTuple):
    """A tensor of the file, and where it is read."""

    bytes: int
    place: int
    stays: bool = False
    """No GPU multiplies with its type, not with a copy either."""


File = Mapping[tuple[int, str], Held]
"""A file's tensors, by layer (-1: of no layer) and name."""
LEAST_ROWS = 32
"""From so many rows a GPU computes what the weights on the host are for (ggml-cuda.cu get_op_batch_size)."""


@dataclass(frozen=True, slots=True)
class Divided:
    """A file whose layers lie in several places."""

    model: ModelShape
    recipe: Recipe
    placement: Placement
    mix: str
    formats: Formats
    keeps_cache_on_host: bool
    all_on_gpus: bool
    """No weights lie on the host: then none is copied, and nothing depends on their formats."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Whether what stays on the host is copied to a GPU, as large batches are worth it."""

    least: int
    """An operation that has so many rows a token, or more, reads copies; 0 where no GPU is there to."""
    logits: bool
    streams: bool
    """The same of what has a row for a token of each stream."""
    sequences: bool
    """The same of what has a row for a token of each sequence."""
    near: bool = False
    """The same of what has a row for a block of few tokens."""
    far: bool = False
    """The same for blocks of many."""

    def rows(self, each: int) -> bool:
        """Whether an operation of so many rows a token reads copies."""
        return 0 < self.least <= each


def copied(settings: Settings, divided: Divided) -> Copied:
    """Whether the batch of a context is large enough, and there is a GPU."""
    if divided.all_on_gpus or not divided.placement.gpus:
        return Copied(0, False, False, False)
    tokens = settings.tokens
    return Copied(
        -(-LEAST_ROWS // tokens),
        settings.outputs >= LEAST_ROWS,
        tokens // settings.streams >= LEAST_ROWS,
        tokens // settings.sequences >= LEAST_ROWS,
        settings.past(NEAR)[0] >= LEAST_ROWS,
        settings.past(FAR)[0] >= LEAST_ROWS,
    )


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What every node of a graph is for the scheduler (its pass 1): weights and caches say where, all others follow."""

    divided: Divided
    copies: Copied
    settings: Settings
    layers: Sequence[Layer]
    file: File
    read: dict[tuple[int, str], Tensor] = field(default_factory=dict)
    """What was read of a file, by layer and name: a copy of it serves all that read it."""

    def operations(self, node: Tensor, layer: int) -> Iterator[Operation]:
        """One, or two: a norm and the product with its weight, a product and the sum with its bias."""
        placement = self.divided.placement
        kind = self.layers[layer] if layer < len(self.layers) else None
        if node.on_host:
            yield Operation(node, HOST)
            return
        cached = placement.caches[layer] if kind else HOST
        apart = cached == HOST or cached != self._of_layer(layer)
        if node.name in STORES:
            yield Operation(node, cached)
        elif node.name in READS:
            yield from self._reading(node, layer, cached)
        elif node.name in NORMS:
            yield from self._normed(node, layer)
        elif node.name == LAST and self.settings.flash and kind:
            yield self._fused(node, layer, kind, cached, apart=apart)
        elif node.name == LAST and kind and self.divided.keeps_cache_on_host:
            yield Operation(node, HOST)
        elif node.name == SCORES and kind and self.settings.indexes_on_host(kind.mixer):
            cells = tuple(_weight(node, size) for size in self._cells(node, kind))
            yield Operation(node, on_no_gpu=True, cache=cells, cached=cached, cache_at=1)
        elif node.name in ATTENDS and kind and apart:
            cells = tuple(_weight(node, size) for size in self._cells(node, kind))
            yield Operation(node, cache=cells, cached=cached, cache_at=int(node.name == SCORES))
        elif node.name in STATES and cached == HOST:
            yield Operation(node, cache=self._states(node, kind))
        elif node.name in VIEWED:
            parts = (_part(node, self._on_host(node, layer, (name,)), parts) for name, parts in VIEWED[node.name])
            yield Operation(node, cache=tuple(chain.from_iterable(parts)), cache_at=1)
        else:
            yield Operation(node)

    def _fused(self, node: Tensor, layer: int, kind: Layer, cached: int, *, apart: bool) -> Operation:
        """Flash attention: with its neighbours, or on the host where no GPU reads the cache's type."""
        on_host = self.settings.fused_on_host(kind.mixer)
        read = tuple(_weight(node, size) for size in self._cells(node, kind)) if apart or on_host else ()
        cast = values_cast(kind, self.settings) if read else 0
        sinks = READS["attention weights"][0]
        held = self._place(layer, sinks)
        held = held if on_host and held is not None else HOST
        weights = self._on_host(node, layer, sinks, held)
        sizes = (FLOAT32 * prod(node.shape), node.bytes + cast)
        at = len(node.sources)
        return Operation(node, None, weights, held, read, cached, at, 1, sizes=sizes, on_no_gpu=on_host)

    def _reading(self, node: Tensor, layer: int, cached: int) -> Iterator[Operation]:
        """What reads tensors of the file, and what follows in place."""
        first, *others = READS[node.name]
        kind = self.layers[layer] if layer < len(self.layers) else None
        cache = self._states(node, kind) if node.name in STATES and cached == HOST else ()
        place = self._place(layer, first)
        held = self._tensor(layer, first)
        if held is not None and not held.stays and node.name not in WHERE_STORED:
            place = self._computed(held.place, node, 1 if node.name in MATRICES else None)
        read = self._on_host(node, layer, first) + self._on_host(node, layer, READS_TOO.get(node.name, ()))
        yield Operation(node, place, read, cache=cache, weights_at=BEHIND.get(node.name, 0))
        for names, behind in pairwise((*others, ())):
            if names == SCALE and place == HOST:
                yield Operation(node, in_place=True)
            elif names == NORM and self._place(layer, behind) == HOST:
                yield Operation(node, self._forced(layer), in_place=True)
            elif self._place(layer, names) == HOST:
                read = self._on_host(node, layer, names)
                yield Operation(node, self._computed(HOST, node), read, weights_at=1, in_place=True)

    def _normed(self, node: Tensor, layer: int) -> Iterator[Operation]:
        """A norm, if there is one, and its weight; queries and keys are rotated behind it, or behind one of its own."""
        names = NORMS[node.name]
        place = self._place(layer, names) if names else self._of_layer(layer)
        if node.name in ROTATED and node.sources[0].name in NORMS:
            place = None
        factors = self._factors(node, layer)
        if place is not None:
            held = self._tensor(layer, names)
            size = held.bytes if held else FLOAT32 * node.shape[0]
            each = prod(node.shape) * FLOAT32 // (size * self.settings.tokens) if node.name in ROTATED else None
            of_layer = held is None or (layer, names[0]) in self.file or node.name == "normed embedding"
            forced = self._forced(layer) if of_layer and node.name not in SCORED else None
            yield Operation(node, forced, reads=node.reads[:1])
            read = self._on_host(node, layer, names) if names else _read(node, size if place == HOST else 0)
            behind = () if factors else node.reads[1:]
            yield Operation(node, self._computed(place, node, each), read, weights_at=1, in_place=True, reads=behind)
        if place is None or factors:
            behind = node.reads if place is None else node.reads[1:]
            at = len(node.sources)
            yield Operation(node, None, factors, weights_at=at, in_place=place is not None, reads=behind)

    def _factors(self, node: Tensor, layer: int) -> tuple[Tensor, ...]:
        """What queries and keys read on the host to be rotated; in layers of Gemma 4 that see everything."""
        if node.name not in ROTATED or self._of_layer(layer) != HOST or not self.layers[layer].rotated:
            return ()
        if self.divided.recipe.norms_values and self.layers[layer].window:
            return ()
        return self._on_host(node, layer, FREQUENCIES)

    def _forced(self, layer: int) -> int | None:
        """Where a norm must be computed: with its layer, for few tokens or where no layer lies on the host."""
        placement = self.divided.placement
        if layer == len(self.layers):
            return None
        return placement.layers[layer] if placement.is_offloaded or not self.copies.rows(1) else None

    def _computed(self, stored: int, node: Tensor, each: int | None = None) -> int:
        """Where something is computed that reads weights; `each`: its rows a token."""
        if stored != HOST:
            return stored
        rows, others = divmod(prod(node.shape[1:]), self.settings.tokens)
        copies = self.copies.logits if others else self.copies.rows(rows if each is None else each)
        if node.name == "expanded attention output":
            copies = self.copies.streams
        elif node.name.startswith("normed rows of the "):
            copies = self.copies.far if "far" in node.name else self.copies.near
        elif node.name in BY_SEQUENCE and len(node.shape) == 3 and each:
            copies = self.copies.sequences
        return 0 if copies else HOST

    def _of_layer(self, layer: int) -> int:
        placement = self.divided.placement
        return placement.layers[layer] if layer < len(self.layers) else placement.output

    def _key(self, layer: int, names: tuple[str, ...]) -> tuple[int, str] | None:
        """The first of these tensors that the file has, of a layer or of none."""
        keys = ((number, name) for name in names for number in (layer, -1))
        return next((key for key in keys if key in self.file), None)

    def _tensor(self, layer: int, names: tuple[str, ...]) -> Held | None:
        key = self._key(layer, names)
        return self.file[key] if key else None

    def _place(self, layer: int, names: tuple[str, ...]) -> int | None:
        """Where the first of these tensors lies, if the file has one."""
        held = self._tensor(layer, names)
        return held.place if held else None

    def _on_host(self, node: Tensor, layer: int, names: tuple[str, ...], place: int = HOST) -> tuple[Tensor, ...]:
        """The first of these tensors, if it lies on the host, or in another place."""
        key = self._key(layer, names)
        if key is None or self.file[key].place != place:
            return ()
        return (self.read.setdefault(key, _weight(node, self.file[key].bytes)),)

    def _states(self, node: Tensor, kind: Layer | None) -> tuple[Tensor, ...]:
        """The states of a layer, of all sequences: of the scan those that are no inputs of the convolution."""
        mixer: Any = getattr(kind and kind.mixer, "recurrence", kind and kind.mixer)
        values = mixer.llama_cpp_state()[1] if node.name == "scan and new states" else node.shape[0]
        return _read(node, values * (self.settings.sequences + self.settings.others) * FLOAT32)

    def _cells(self, node: Tensor, kind: Layer) -> tuple[int, ...]:
        widest = max(getattr(layer.mixer, "value_width", 0) for layer in self.layers)
        return cells_read(node, kind, self.settings, self.divided.formats, widest)


def _read(node: Tensor, size: int) -> tuple[Tensor, ...]:
    return (_weight(node, size),) if size else ()


def _part(node: Tensor, held: tuple[Tensor, ...], parts: int) -> tuple[Tensor, ...]:
    """One part of so many."""
    return _read(node, sum(tensor.bytes for tensor in held) // parts)


def _weight(node: Tensor, size: int) -> Tensor:
    return Tensor(f"what {node.name} reads on the host", (size // FLOAT32,), size)
