"""What the engine has no room for: sequences, and tensors of a graph.

It makes room for a graph by the tensors of the file and the tokens of a micro-batch, and aborts where that is too little.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ...blocks.sparse_attention import BlockSparseAttention
from ...errors import InputError
from ...gguf.tensors import gguf_tensors
from ...model_shape import ModelShape
from ...number_formats import NumberFormat
from ...units import larger
from .context import Context
from .geometry import caches_of
from .picked_tokens import token_block

MOST_SEQUENCES = 256
"""LLAMA_MAX_SEQ (llama-cparams.h at 0c1e57098); more are refused (llama-context.cpp)."""
NODES_OF_A_TOKEN, NODES_OF_A_TENSOR = 40, 32
"""The room for the graph of MiniMax-M3 (llama-context.cpp graph_max_nodes)."""
NODES, NODES_OF_DENSE, NODES_OF_SPARSE, NODES_OF_A_STREAM = 7, 37, 71, 49
"""Nodes of that graph, as the engine's log counts them: beside the layers, of a dense layer, of a layer with an indexer, and
of each stream there, which are computed one after the other (minimax-m3.cpp)."""
INPUTS = 12
"""What the host writes for it, which takes the same room (minimax-m3.cpp; llama-graph.cpp)."""
ROTATED, CAST = 6, 1
"""More nodes of a layer where keys, or values, lie in blocks and are rotated; of a dense layer where they are float32."""
SCHEDULED = 2053
"""Tensors that the scheduler takes of a graph with room for no more nodes (ggml-backend.cpp ggml_backend_sched_new, ggml.c
ggml_hash_size)."""
PHI3_OF_A_TENSOR, PHI3_OF_A_LAYER, PHI3_BESIDE = 8, 45, 14
"""Of Phi-3 with a rotated cache and streams of their own: the room for nodes by tensors of the file; nodes of a layer and its
two caches; nodes beside the layers and inputs (phi3.cpp, and the engine's log)."""


def starts(context: Context) -> Any:
    """Whether the engine takes so many sequences, and has room for their graph; an array over a grid."""
    return (context.sequences <= MOST_SEQUENCES) & ((context.sequences < 2) | _has_room(context))


def check_room(context: Context) -> None:
    """Raises InputError where a point does not start."""
    sequences = context.sequences
    if sequences > MOST_SEQUENCES:
        raise InputError(
            f"batch_size: {sequences:,} sequences are more than the {MOST_SEQUENCES} that llama.cpp takes; "
            f"use {MOST_SEQUENCES} or fewer"
        )
    if starts(context):
        return
    if not _computes_streams(context):
        raise InputError(
            f"batch_size: llama.cpp aborts with {sequences:,} streams of this model and a cache in "
            f"{context.deployment.cache_format.name}, for its scheduler takes {SCHEDULED:,} tensors; "
            "use kv_unified, or kv_cache fp16"
        )
    needed, room = _needed(context), _room(context)
    most = sequences - -(-(needed - room) // (NODES_OF_A_STREAM * _indexed(context.deployment.model)))
    tokens = -(-needed // NODES_OF_A_TOKEN)
    longer = f", or step_tokens of {tokens:,} or more" if tokens <= context.batch else ""
    raise InputError(
        f"batch_size: llama.cpp aborts with {sequences:,} streams of this model, whose graph of {needed:,} tensors is more "
        f"than the {room:,} that it has room for; use {most:,} or fewer{longer}, or kv_unified"
    )


def _has_room(context: Context) -> Any:
    if _computes_streams(context):
        return (context.step <= context.sequences) | (_needed(context) <= _room(context))
    return context.unified or not _fills_the_scheduler(context)


def _computes_streams(context: Context) -> bool:
    """Whether a prompt's streams are computed one after the other."""
    return context.flash and not context.unified and token_block(context.deployment.model) > 0


def _needed(context: Context) -> Any:
    """Tensors of the graph for a prompt of several streams."""
    model, rotated = context.deployment.model, sum(_rotated(context))
    layers, sparse = model.num_hidden_layers, _indexed(model)
    cache = context.deployment.cache_format
    cast = sum(_is_float32(each) for each in (cache.key, cache.value))
    nodes = NODES + (layers - sparse) * (NODES_OF_DENSE + cast * CAST) + sparse * NODES_OF_SPARSE
    nodes += layers * rotated * ROTATED + sparse * NODES_OF_A_STREAM * context.sequences
    return nodes + INPUTS + rotated


def _room(context: Context) -> Any:
    deployment = context.deployment
    tensors = len(gguf_tensors(deployment.model, deployment.scheme.name))
    return larger(context.prompt * NODES_OF_A_TOKEN, tensors * NODES_OF_A_TENSOR)


@lru_cache(maxsize=64)
def _indexed(model: ModelShape) -> int:
    """Layers whose indexer picks blocks."""
    return sum(len(group.layers) for group in model.layers if isinstance(group.mixer, BlockSparseAttention))


def _fills_the_scheduler(context: Context) -> bool:
    """Whether streams of their own are more than the scheduler takes: of Phi-3 with 40 layers and a rotated cache."""
    model = context.deployment.model
    if model.modeling != "phi3" or not all(_rotated(context)):
        return False
    tensors = len(gguf_tensors(model, context.deployment.scheme.name))
    graph = model.num_hidden_layers * PHI3_OF_A_LAYER + tensors + PHI3_BESIDE
    return tensors * PHI3_OF_A_TENSOR <= SCHEDULED < graph


def _rotated(context: Context) -> tuple[bool, ...]:
    """Whether keys are, and whether values are (llama-kv-cache.cpp build_input_k_rot, build_input_v_rot)."""
    rows = [row for cache in caches_of(context) for row in cache.rows]
    return tuple(
        any(row.is_value == value and row.format.block > 1 and row.width % 64 == 0 for row in rows)
        for value in (False, True)
    )


def _is_float32(number_format: NumberFormat) -> bool:
    return number_format.name == "fp32"
