"""Compute buffers when layers lie on several GPUs, or partly in host memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

from ...blocks.latent_attention import LatentAttention
from ...gguf_tensors import GgufTensor, gguf_tensors
from ...model_shape import ModelShape
from ...number_formats import NumberFormat
from .allocator import Replay
from .compiled import programs
from .compute_buffer import layers_of
from .decoder_graph import Layer, decoder_graph
from .graph import Graph, Tensor
from .multiples import structure
from .placement import GPU_ALIGNMENT, HOST, HOST_ALIGNMENT, Placement
from .program import Program, run
from .prompt import Settings
from .recipes import Recipe
from .split_graph import replay_split, split_steps
from .steps import Steps

LEAST_TOKENS = 32
"""From so many tokens a GPU computes what the weights on the host are for (ggml-cuda.cu device_offload_op)."""
ATTENDS = ("attention output of heads", "attention scores", "attention weights", "attention output by heads")
"""What reads the cache."""
STATES = ("convolution state", "recurrent state", "other states")
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
    weights = _host_matrices(divided)
    places, foreign = [], {}
    for node, layer in zip(graph.nodes, _depths(graph), strict=True):
        place, extra = _place(node, layer, placement, copies)
        if extra:
            sizes = weights.get(node.name, ())
            if node.name in ATTENDS:
                sizes = _cells_read(node, layers[layer], settings, divided.formats)
            if sizes:
                foreign[node] = sizes
        places.append(place)
    return split_steps(graph, places, foreign, placement.input_copies)


def _place(node: Tensor, layer: int, placement: Placement, copies: Copied) -> tuple[int, bool]:
    """Where a node is computed, and whether it is a GPU that has to copy what it needs from the host."""
    if node.on_host:
        return HOST, False
    if layer >= len(placement.layers):
        there = placement.output if placement.output != HOST or not copies.logits else 0
        return there, there != placement.output
    stored, cached = placement.layers[layer], placement.caches[layer]
    computed = 0 if stored == HOST and copies.layers else stored
    if node.name in STORES or node.name in STATES:
        return cached, False
    if node.name in ATTENDS and cached == HOST:
        return HOST, False
    return computed, computed != stored


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
def _host_matrices(divided: Divided) -> dict[str, tuple[int, ...]]:
    """Bytes of the largest matrix in host memory that a node of this name needs."""
    placement = divided.placement
    by_name = {number_format.name: number_format for number_format in divided.formats}
    largest: dict[str, int] = {}
    for tensor in gguf_tensors(divided.model, divided.mix):
        if tensor.layer >= len(placement.layers):
            continue
        if (placement.layers[tensor.layer] if tensor.layer >= 0 else placement.output) == HOST:
            role = tensor.name.split(".")[-2]
            largest[role] = max(largest.get(role, 0), _bytes(tensor, by_name))
    tied = "output" not in largest
    roles = ROLES if tied else ROLES | {"logits": ("output",)}
    found = {node: max(largest.get(role, 0) for role in names) for node, names in roles.items()}
    return {node: (size,) for node, size in found.items() if size}


def _bytes(tensor: GgufTensor, formats: dict[str, NumberFormat]) -> int:
    plane = formats[tensor.type].planes[0]
    return tensor.copies * tensor.rows * tensor.columns // plane.columns * plane.bits // 8


def _cells_read(node: Tensor, layer: Layer, settings: Settings, formats: tuple[NumberFormat, ...]) -> tuple[int, ...]:
    """Bytes of a layer's cache that a node reads."""
    plane = {number_format.name: number_format.planes[0] for number_format in formats}
    cells = settings.streams * (settings.window_cells if layer.window else settings.cells)
    mixer = getattr(layer.mixer, "attention", layer.mixer)
    keys, values = getattr(mixer, "key_width", 0), getattr(mixer, "value_width", 0)
    if isinstance(mixer, LatentAttention):
        keys, values = mixer.kv_lora_rank + mixer.qk_rope_head_dim, 0
    reads = {"attention scores": (1, 0), "attention weights": (0, 0), "attention output by heads": (0, 1)}
    of_keys, of_values = reads.get(node.name, (1, 1))
    sizes = ((of_keys * keys, settings.key_format), (of_values * values, settings.value_format))
    return tuple(cells * width * plane[name].bits // (8 * plane[name].columns) for width, name in sizes if width)
