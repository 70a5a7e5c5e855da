"""Compute buffers when layers lie on several GPUs, or partly in host memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial

from ...gguf.tensors import gguf_tensors
from .allocator import Replay
from .compiled import programs
from .compute_buffer import layers_of, next_tokens, stack_of
from .decoder_graph import decoder_graph
from .file_reads import FREQUENCIES
from .graph import Graph, Tensor
from .host_reads import tensor_bytes
from .multiples import structure
from .placement import GPU_ALIGNMENT, HOST, HOST_ALIGNMENT
from .program import Program, run
from .prompt import Settings
from .scheduled import Copied, Divided, File, Held, Scheduled, copied
from .split_graph import replay_split
from .splits import Operation, split_steps
from .stack import Layer
from .steps import Steps
from .stored import NOT_ON_GPU


@lru_cache(maxsize=64)
def replays(divided: Divided, settings: Settings) -> dict[int, Replay]:
    """The buffers of the host and of every GPU: each is reserved for a prompt and for one token of every sequence."""
    found = [
        replay_split(_steps(divided, copied(each, divided), each), divided.placement.gpus)
        for each in (settings, next_tokens(settings))
    ]
    return {place: _larger(found[0][place], found[1][place]) for place in found[0]}


def run_at(divided: Divided, place: int, settings: Settings) -> Replay:
    """The same for one place, without building a graph and without what was alive."""
    return _larger(_run(divided, place, settings), _run(divided, place, next_tokens(settings)))


def _larger(one: Replay, other: Replay) -> Replay:
    """The larger buffer; its trace is that of both, for the other may become larger."""
    larger = one if one.bytes >= other.bytes else other
    return replace(larger, trace=hash((one.trace, other.trace, larger is one)))


def _run(divided: Divided, place: int, settings: Settings) -> Replay:
    found = _programs(divided, copied(settings, divided), structure(settings))
    if found is None:
        return replay_split(_steps(divided, copied(settings, divided), settings), divided.placement.gpus)[place]
    program = found.get(place)
    alignment = HOST_ALIGNMENT if place == HOST else GPU_ALIGNMENT
    return run(program, settings, alignment) if program else Replay(0, (), 0, ())


@lru_cache(maxsize=512)
def _programs(divided: Divided, copies: Copied, alike: Settings) -> dict[int, Program] | None:
    kinds = stack_of(divided.model, divided.recipe, alike)[1]
    read: list[list[object]] = [[] for _ in kinds]
    for (layer, name), held in _tensors(divided).items():
        if layer >= 0 and held.place == HOST:
            read[layer].append((name, held))
    placement = divided.placement
    alike_layers = zip(kinds, placement.layers, placement.caches, map(tuple, read), strict=True)
    return programs(alike, tuple(alike_layers), partial(_steps, divided, copies))


def _steps(divided: Divided, copies: Copied, settings: Settings, kept: Sequence[int] | None = None) -> Steps:
    """The steps of all layers, or of those that are kept."""
    model, recipe, file = divided.model, divided.recipe, _tensors(divided)
    layers: Sequence[Layer] = layers_of(model, recipe, settings)
    if kept is not None:
        layers = [layers[index] for index in kept]
        divided = replace(divided, placement=divided.placement.of(kept))
        file = _of_layers(file, kept)
    graph = decoder_graph(settings, model.hidden_size, model.vocab_size, layers, recipe)
    scheduled = Scheduled(divided, copies, settings, layers, file)
    operations: list[Operation] = []
    for node, layer in zip(graph.nodes, _depths(graph), strict=True):
        at = len(operations) - (node.fuses is not None and operations[-1].in_place)  # before a norm's weight
        operations[at:at] = scheduled.operations(node, layer)
    return split_steps(graph, operations, divided.placement.input_copies)


def _of_layers(file: File, layers: Sequence[int]) -> File:
    """The tensors of some layers, which are then numbered anew."""
    numbers = {layer: number for number, layer in enumerate(layers)} | {-1: -1}
    return {(numbers[layer], name): held for (layer, name), held in file.items() if layer in numbers}


def _depths(graph: Graph) -> list[int]:
    """The layer of every node: that of what it reads."""
    depth: dict[Tensor, int] = {stream: layer for layer, stream in enumerate(graph.streams)}
    depth |= graph.layers
    begun, found = 0, []
    for index, node in enumerate(graph.nodes):
        while begun < len(graph.marks) and graph.marks[begun] <= index:
            begun += 1
        known = [depth[source] for source in node.sources if source in depth]
        own = graph.layers.get(node)
        found.append(max(known, default=max(begun - 1, 0)) if own is None else own)
        depth.setdefault(node, found[-1])
    return found


@lru_cache(maxsize=32)
def _tensors(divided: Divided) -> File:
    """A file's tensors and where they are read, by layer (-1: of no layer) and name."""
    placement = divided.placement
    found = {}
    for tensor in gguf_tensors(divided.model, divided.mix):
        if tensor.layer >= len(placement.layers):
            continue
        place = placement.layers[tensor.layer] if tensor.layer >= 0 else placement.output
        if tensor.name.startswith(("per_layer_", "token_embd_norm")):
            place = placement.layers[0]
        elif tensor.name in FREQUENCIES and HOST in placement.layers:
            place = HOST
        name = tensor.name.removeprefix(f"blk.{tensor.layer}.")
        stays = tensor.type in NOT_ON_GPU
        found[tensor.layer, name] = Held(tensor_bytes(tensor, divided.formats), HOST if stays else place, stays)
    return found
