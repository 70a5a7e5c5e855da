"""Compute buffers when layers lie on several GPUs, or partly in host memory."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

from ...blocks.latent_attention import LatentAttention
from ...gguf_tensors import GgufTensor, gguf_tensors
from ...model_shape import ModelShape
from ...number_formats import NumberFormat
from .allocator import Replay
from .compute_buffer import layers_of
from .decoder_graph import Layer, decoder_graph
from .few_layers import repetition
from .graph import Graph, Tensor
from .placement import HOST, Placement
from .prompt import Settings
from .recipes import Recipe
from .split_graph import replay_split

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


@lru_cache(maxsize=4096)
def replays(
    model: ModelShape,
    recipe: Recipe,
    settings: Settings,
    placement: Placement,
    mix: str,
    formats: tuple[NumberFormat, ...],
) -> dict[int, Replay]:
    """The buffers of the host and of every GPU, from a stack that is shortened within each run of layers alike."""
    layers, lies = _shortened(layers_of(model, recipe, settings), placement)
    graph = decoder_graph(settings, model.hidden_size, model.vocab_size, layers, recipe)
    depth = _depths(graph)
    offloads = placement.gpus > 0 and settings.tokens >= LEAST_TOKENS
    weights = _host_matrices(model, mix, formats, placement)
    places, foreign = [], {}
    for node, layer in zip(graph.nodes, depth, strict=True):
        place, extra = _place(node, layer, lies, placement, settings, offloads)
        if extra:
            sizes = weights.get(node.name, ())
            if node.name in ATTENDS:
                sizes = _cells_read(node, layers[layer], settings, formats)
            if sizes:
                foreign[node] = sizes
        places.append(place)
    return replay_split(graph, places, foreign, placement.input_copies, placement.gpus)


def _place(
    node: Tensor, layer: int, lies: list[tuple[int, int]], placement: Placement, settings: Settings, offloads: bool
) -> tuple[int, bool]:
    """Where a node is computed, and whether it is a GPU that has to copy what it needs from the host."""
    if node.on_host:
        return HOST, False
    if layer >= len(lies):
        many = settings.outputs >= LEAST_TOKENS
        stored, computed = (
            placement.output,
            placement.output if placement.output != HOST or not (offloads and many) else 0,
        )
        return computed, computed != stored
    stored, cached = lies[layer]
    computed = 0 if stored == HOST and offloads else stored
    if node.name in STORES or node.name in STATES:
        return cached, False
    if node.name in ATTENDS and cached == HOST:
        return HOST, False
    return computed, computed != stored


def _depths(graph: Graph) -> list[int]:
    """The layer of every node. The last sum of a layer is computed where the next one is."""
    depth: dict[Tensor, int] = {stream: layer for layer, stream in enumerate(graph.streams)}
    found = []
    for index, node in enumerate(graph.nodes):
        known = [depth[source] for source in node.sources if source in depth]
        begun = sum(mark <= index for mark in graph.marks) - 1
        depth.setdefault(node, max(known, default=max(begun, 0)))
        found.append(depth[node])
    return found


def _shortened(layers: tuple[Layer, ...], placement: Placement) -> tuple[list[Layer], list[tuple[int, int]]]:
    """The stack and where each layer and its cache lie, without most of the layers that repeat in one place."""
    lies = list(zip(placement.layers, placement.caches, strict=True))
    kept: list[int] = []
    for _, run in groupby(range(len(layers)), key=lambda layer: lies[layer]):
        indices = list(run)
        first, period = repetition(tuple(layers[index] for index in indices))
        spare = max(0, len(indices) - first - max(2 * period + 1, 4)) // period * period
        kept += indices[:first] + indices[first + spare :]
    return [layers[index] for index in kept], [lies[index] for index in kept]


def _host_matrices(
    model: ModelShape, mix: str, formats: tuple[NumberFormat, ...], placement: Placement
) -> dict[str, tuple[int, ...]]:
    """Bytes of the largest matrix in host memory that a node of this name needs."""
    by_name = {number_format.name: number_format for number_format in formats}
    largest: dict[str, int] = {}
    for tensor in gguf_tensors(model, mix):
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
