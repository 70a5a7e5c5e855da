"""Compute buffers when layers lie on several GPUs, or partly in host memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from math import prod

from ...gguf_tensors import gguf_tensors
from ...model_shape import ModelShape
from ...number_formats import NumberFormat
from .allocator import Replay
from .compiled import programs
from .compute_buffer import layers_of
from .decoder_graph import Layer, decoder_graph
from .graph import FLOAT32, Graph, Tensor
from .host_reads import cells_read, tensor_bytes
from .multiples import structure
from .placement import GPU_ALIGNMENT, HOST, HOST_ALIGNMENT, Placement
from .program import Program, run
from .prompt import Settings
from .recipes import Recipe
from .split_graph import replay_split
from .splits import Operation, split_steps
from .steps import Steps

LEAST_TOKENS = 32
"""From so many tokens a GPU computes what the weights on the host are for (ggml-cuda.cu device_offload_op)."""
ATTENDS = ("attention scores", "attention output by heads")
"""What reads the cache where scores are written out."""
LAST = "attention output of heads"
"""The last operation of attention, which --no-kv-offload keeps on the host where scores are written out."""
STATES = ("convolution state", "recurrent state")
ROTATED = {"queries": "attn_q_norm", "keys": "attn_k_norm"}
FREQUENCIES = "rope_freqs"
PARTS = ("weight", "bias")
NORMS = ("normed", "normed stream")
STORES = (
    "keys stored",
    "values stored",
    "latent rows stored",
    "states stored",
    "convolution state stored",
    "other states stored",
)
ROLES = {
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
    "router logits": ("ffn_gate_inp",),
    "gate of experts": ("ffn_gate_exps",),
    "up of experts": ("ffn_up_exps",),
    "outputs of experts": ("ffn_down_exps",),
    "projected": ("ssm_in",),
    "recurrence output": ("ssm_out",),
    "logits": ("output", "token_embd"),
}
"""The matrices that nodes multiply with, by their names in a file."""


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
    """Whether what stays on the host is copied to a GPU, as large batches are worth it: for layers, and for logits."""

    layers: bool
    logits: bool


def copied(settings: Settings, placement: Placement) -> Copied:
    """Whether the batch of a context is large enough, and there is a GPU."""
    offloads = placement.gpus > 0 and settings.tokens >= LEAST_TOKENS
    return Copied(offloads, offloads and settings.outputs >= LEAST_TOKENS)


@lru_cache(maxsize=512)
def replays(divided: Divided, settings: Settings) -> dict[int, Replay]:
    """The buffers of the host and of every GPU."""
    return replay_split(_steps(divided, copied(settings, divided.placement), settings), divided.placement.gpus)


def run_at(divided: Divided, place: int, settings: Settings) -> Replay:
    """The same for one place, without building a graph and without what was alive."""
    found = _programs(divided, copied(settings, divided.placement), structure(settings))
    if found is None:
        return replays(divided, settings)[place]
    program = found.get(place)
    alignment = HOST_ALIGNMENT if place == HOST else GPU_ALIGNMENT
    return run(program, settings, alignment) if program else Replay(0, (), 0, ())


@lru_cache(maxsize=64)
def _programs(divided: Divided, copies: Copied, alike: Settings) -> dict[int, Program] | None:
    return programs(alike, partial(_steps, divided, copies))


def _steps(divided: Divided, copies: Copied, settings: Settings) -> Steps:
    model, recipe, placement = divided.model, divided.recipe, divided.placement
    layers = layers_of(model, recipe, settings)
    graph = decoder_graph(settings, model.hidden_size, model.vocab_size, layers, recipe)
    scheduled, nodes = (
        _Scheduled(divided, copies, settings, layers, _host_matrices(divided)),
        zip(graph.nodes, _depths(graph), strict=True),
    )
    operations = [operation for node, layer in nodes for operation in scheduled.operations(node, layer)]
    return split_steps(graph, operations, placement.input_copies)


@dataclass(frozen=True, slots=True)
class _Scheduled:
    """What every node of a graph is for the scheduler (its pass 1): weights and caches say where, all others follow."""

    divided: Divided
    copies: Copied
    settings: Settings
    layers: Sequence[Layer]
    matrices: Mapping[tuple[int, str], int]
    """Bytes of a file's tensors that lie on the host, by layer and name."""
    frequencies: dict[int, Tensor] = field(default_factory=dict)
    """The factors of the rotation, which queries and keys of a layer read, by layer."""

    def operations(self, node: Tensor, layer: int) -> Iterator[Operation]:
        """One, or the two of a norm."""
        placement, copies = self.divided.placement, self.copies
        kind = self.layers[layer] if layer < len(self.layers) else None
        if node.on_host:
            yield Operation(node, HOST)
            return
        stored = placement.layers[layer] if kind else placement.output
        cached = placement.caches[layer] if kind else HOST
        computed = 0 if stored == HOST and (copies.layers if kind else copies.logits) else stored
        if node.name in STORES:
            yield Operation(node, cached)
        elif node.name in NORMS:
            forced = kind and placement.input_copies == 1 and (placement.is_offloaded or not copies.layers)
            yield Operation(node, stored if forced else None, norms=True)
            scale = _weight(node, FLOAT32 * node.shape[0])
            yield Operation(node, computed, (scale,) if stored == HOST else (), scales=True)
        elif node.name in ROLES:
            sizes = self.matrices
            names = [(layer if kind else -1, role) for role in ROLES[node.name]]
            matrix, bias = (max((sizes.get((at, f"{role}.{part}"), 0) for at, role in names)) for part in PARTS)
            yield Operation(node, computed, (_weight(node, matrix),) if matrix else (), norms=bias > 0)
            if bias:
                yield Operation(node, computed, (_weight(node, bias),), scales=True)
        elif node.name in ROTATED:
            yield from self._rotated(node, layer, computed, on_host=stored == HOST)
        elif node.name == LAST and self.settings.flash and kind:
            read = tuple(_weight(node, size) for size in self._cells(node, kind)) if cached == HOST else ()
            yield Operation(node, cache=read, only_on_gpu=node.bytes - FLOAT32 * prod(node.shape))
        elif node.name == LAST and kind and self.divided.keeps_cache_on_host:
            yield Operation(node, HOST)
        elif node.name in ATTENDS and kind and cached == HOST:
            yield Operation(node, cache=tuple(_weight(node, size) for size in self._cells(node, kind)))
        elif node.name in STATES and cached == HOST:
            yield Operation(node, cache=(_weight(node, node.bytes),))
        else:
            yield Operation(node)

    def _rotated(self, node: Tensor, layer: int, computed: int, *, on_host: bool) -> Iterator[Operation]:
        """Queries or keys: normed where the model has norms for them, then rotated."""
        sizes = self.matrices
        norm = sizes.get((layer, f"{ROTATED[node.name]}.weight"), 0)
        size = sizes.get((-1, f"{FREQUENCIES}.weight"), 0) if on_host else 0
        if norm:
            yield Operation(node, norms=True)
            yield Operation(node, computed, (_weight(node, norm),), scales=True)
        elif size:
            yield Operation(node, computed, (self.frequencies.setdefault(layer, _weight(node, size)),))
        else:
            yield Operation(node)

    def _cells(self, node: Tensor, kind: Layer) -> tuple[int, ...]:
        return cells_read(node, kind, self.settings, self.divided.formats)


def _weight(node: Tensor, size: int) -> Tensor:
    return Tensor(f"what {node.name} reads on the host", (size // FLOAT32,), size)


def _depths(graph: Graph) -> list[int]:
    """The layer of every node. The last sum of a layer is computed where the next one is."""
    depth: dict[Tensor, int] = {stream: layer for layer, stream in enumerate(graph.streams)}
    begun, found = 0, []
    for index, node in enumerate(graph.nodes):
        while begun < len(graph.marks) and graph.marks[begun] <= index:
            begun += 1
        known = [depth[source] for source in node.sources if source in depth]
        depth.setdefault(node, max(known, default=max(begun - 1, 0)))
        found.append(depth[node])
    return found


@lru_cache(maxsize=256)
def _host_matrices(divided: Divided) -> dict[tuple[int, str], int]:
    """Bytes of the matrices in host memory, by layer (-1 for the output) and name."""
    placement = divided.placement
    by_name = {number_format.name: number_format for number_format in divided.formats}
    tensors = [tensor for tensor in gguf_tensors(divided.model, divided.mix) if tensor.layer < len(placement.layers)]
    tied = all(tensor.name != "output.weight" for tensor in tensors)
    found = {}
    for tensor in tensors:
        role, part = tensor.name.split(".")[-2:]
        place = placement.layers[tensor.layer] if tensor.layer >= 0 else placement.output
        if role == FREQUENCIES and HOST in placement.layers:
            place = HOST
        if place == HOST and (tied or role != "token_embd"):
            found[tensor.layer, f"{role}.{part}"] = tensor_bytes(tensor, by_name)
    return found
