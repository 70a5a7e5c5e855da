"""What every operation of a graph is for the scheduler: where its weights and caches lie, and what it reads of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from ...model_shape import ModelShape
from ...number_formats import NumberFormat
from .decoder_graph import Layer
from .graph import FLOAT32, Tensor
from .host_reads import cells_read, values_cast
from .placement import HOST, Placement
from .prompt import Settings
from .recipes import Recipe
from .splits import Operation

LEAST_ROWS = 32
"""From so many rows a GPU computes what the weights on the host are for (ggml-cuda.cu get_op_batch_size)."""
ATTENDS = ("attention scores", "attention output by heads", "cache, transposed")
"""What reads the cache where scores are written out."""
LAST = "attention output of heads"
"""The last operation of attention, which --no-kv-offload keeps on the host where scores are written out."""
ROTATED = ("queries", "keys")
PARTS = ("weight", "bias")
STATES = ("convolution state", "recurrent state")
FREQUENCIES = "rope_freqs.weight"
STORES = (
    "keys stored",
    "values stored",
    "latent rows stored",
    "indexer keys stored",
    "states stored",
    "convolution state stored",
    "other states stored",
)
NORMS = {
    "normed": "",
    "normed stream": "",
    "latent": "",
    "queries": "attn_q_norm.weight",
    "keys": "attn_k_norm.weight",
}
"""Nodes that are a norm and the product with its weight, by the name of this in a file; empty: of a row's length."""
MATRICES = {
    "queries, keys and values": ("attn_qkv",),
    "projected queries": ("attn_q", "attn_q_b"),
    "projected keys": ("attn_k",),
    "values": ("attn_v",),
    "low-rank queries": ("attn_q_a",),
    "latent and key": ("attn_kv_a_mqa",),
    "absorbed queries": ("attn_k_b",),
    "expanded attention output": ("attn_v_b",),
    "attention output": ("attn_output",),
    "gate": ("ffn_gate", "ffn_gate_shexp"),
    "up": ("ffn_up", "ffn_up_shexp"),
    "gate and up": ("ffn_up",),
    "MLP output": ("ffn_down", "ffn_down_shexp"),
    "gate of shared experts": ("ffn_gate_inp_shexp",),
    "router logits": ("ffn_gate_inp",),
    "gate of experts": ("ffn_gate_exps",),
    "up of experts": ("ffn_up_exps",),
    "outputs of experts": ("ffn_down_exps",),
    "projected": ("ssm_in",),
    "recurrence output": ("ssm_out",),
    "logits": ("output", "token_embd"),
}
"""The matrices that nodes multiply with, by their names in a file."""
VECTORS = {
    "biased probabilities": ("exp_probs_b.bias", 1),
    "gate of experts, biased": ("ffn_gate_exps.bias", 1),
    "up of experts, biased": ("ffn_up_exps.bias", 1),
    "outputs of experts, biased": ("ffn_down_exps.bias", 1),
    "attention weights": ("attn_sinks.weight", 2),
}
"""Other tensors of a file that nodes read, and behind how many of their sources."""


@dataclass(frozen=True, slots=True)
class Divided:
    """A file whose layers lie in several places."""

    model: ModelShape
    recipe: Recipe
    placement: Placement
    mix: str
    formats: tuple[NumberFormat, ...]
    keeps_cache_on_host: bool


@dataclass(frozen=True, slots=True)
class Copied:
    """Whether what stays on the host is copied to a GPU, as large batches are worth it."""

    least: int
    """An operation that has so many rows a token, or more, reads copies; 0 where no GPU is there to."""
    logits: bool
    streams: bool
    """The same of what has a row for a token of each stream."""

    def rows(self, each: int) -> bool:
        """Whether an operation of so many rows a token reads copies."""
        return 0 < self.least <= each


def copied(settings: Settings, placement: Placement) -> Copied:
    """Whether the batch of a context is large enough, and there is a GPU."""
    if not placement.gpus:
        return Copied(0, False, False)
    tokens = settings.tokens
    return Copied(-(-LEAST_ROWS // tokens), settings.outputs >= LEAST_ROWS, tokens // settings.streams >= LEAST_ROWS)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """What every node of a graph is for the scheduler (its pass 1): weights and caches say where, all others follow."""

    divided: Divided
    copies: Copied
    settings: Settings
    layers: Sequence[Layer]
    sizes: Mapping[tuple[int, str], int]
    """Bytes of a file's tensors, by layer and name."""
    matrices: Mapping[tuple[int, str], int]
    """The same of those that lie on the host."""
    frequencies: dict[int, Tensor] = field(default_factory=dict)
    """The factors of the rotation, which queries and keys of a layer read, by layer."""

    def operations(self, node: Tensor, layer: int) -> Iterator[Operation]:
        """One, or two: a norm and the product with its weight, a product and the sum with its bias."""
        placement = self.divided.placement
        kind = self.layers[layer] if layer < len(self.layers) else None
        if node.on_host:
            yield Operation(node, HOST)
            return
        stored = placement.layers[layer] if kind else placement.output
        cached = placement.caches[layer] if kind else HOST
        if node.name in STORES:
            yield Operation(node, cached)
        elif node.name in MATRICES:
            names = MATRICES[node.name]
            matrix, bias = (max(self._held(layer, f"{name}.{part}") for name in names) for part in PARTS)
            computed = self._computed(stored, node, 1)
            yield Operation(node, computed, _read(node, matrix), norms=bias > 0)
            if bias:
                yield Operation(node, computed, _read(node, bias), reads_at=1, scales=True)
        elif node.name in VECTORS and self._holds(layer, VECTORS[node.name][0]):
            name, behind = VECTORS[node.name]
            yield Operation(node, self._computed(stored, node), _read(node, self._held(layer, name)), reads_at=behind)
        elif node.name in NORMS:
            yield from self._normed(node, layer, stored)
        elif node.name == LAST and self.settings.flash and kind:
            read = tuple(_weight(node, size) for size in self._cells(node, kind)) if cached == HOST else ()
            cast = values_cast(kind, self.settings) if read else 0
            yield Operation(node, None, (), read, 1, sizes=(FLOAT32 * prod(node.shape), node.bytes + cast))
        elif node.name == LAST and kind and self.divided.keeps_cache_on_host:
            yield Operation(node, HOST)
        elif node.name in ATTENDS and kind and cached == HOST:
            yield Operation(node, cache=tuple(_weight(node, size) for size in self._cells(node, kind)))
        elif node.name in STATES and cached == HOST:
            yield Operation(node, cache=(_weight(node, node.bytes),))
        else:
            yield Operation(node)

    def _normed(self, node: Tensor, layer: int, stored: int) -> Iterator[Operation]:
        """A norm, if there is one, and its weight; queries and keys are rotated behind it."""
        placement, name = self.divided.placement, NORMS[node.name]
        if name and not self._holds(layer, name):
            factors = self.matrices.get((-1, FREQUENCIES), 0) if stored == HOST and node.name in ROTATED else 0
            if not factors:
                yield Operation(node)
                return
            read = self.frequencies.setdefault(layer, _weight(node, factors))
            yield Operation(node, self._computed(stored, node, 1), (read,), reads_at=len(node.sources))
            return
        size = self.sizes[layer, name] if name else FLOAT32 * node.shape[0]
        each = prod(node.shape) * FLOAT32 // (size * self.settings.tokens)
        forced = layer < len(self.layers) and placement.input_copies == 1
        forced = forced and (placement.is_offloaded or not self.copies.rows(1))
        yield Operation(node, stored if forced else None, norms=True)
        scale = _read(node, size if stored == HOST else 0)
        yield Operation(node, self._computed(stored, node, each), scale, reads_at=1, scales=True)

    def _computed(self, stored: int, node: Tensor, each: int | None = None) -> int:
        """Where something is computed that reads weights; `each`: its rows a token."""
        if stored != HOST:
            return stored
        rows, others = divmod(prod(node.shape[1:]), self.settings.tokens)
        copies = self.copies.logits if others else self.copies.rows(rows if each is None else each)
        if node.name == "expanded attention output":
            copies = self.copies.streams
        return 0 if copies else HOST

    def _held(self, layer: int, name: str) -> int:
        """Bytes that lie on the host of a layer's tensor."""
        return self.matrices.get((layer if layer < len(self.layers) else -1, name), 0)

    def _holds(self, layer: int, name: str) -> bool:
        """Whether the file has a tensor of this name for the layer, wherever it lies."""
        return (layer, name) in self.sizes

    def _cells(self, node: Tensor, kind: Layer) -> tuple[int, ...]:
        return cells_read(node, kind, self.settings, self.divided.formats)


def _read(node: Tensor, size: int) -> tuple[Tensor, ...]:
    return (_weight(node, size),) if size else ()


def _weight(node: Tensor, size: int) -> Tensor:
    return Tensor(f"what {node.name} reads on the host", (size // FLOAT32,), size)
