"""How a model is divided: layers over pipeline stages, matrices over the GPUs of a stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from ...blocks.mlp import DenseMlp, MixtureOfExperts
from ...errors import InputError
from ...model_shape import ModelShape
from ...tensors import Tensor
from ...units import round_up
from .compressed import is_compressed

VOCABULARY = 64
"""The vocabulary is padded to a multiple of so many rows (vocab_parallel_embedding.py)."""
MOST = 64
"""Valid sizes are named up to so many GPUs."""
BY_COLUMNS = ("o_proj", "down_proj", "out_proj", "x_proj", "fc2", "dense_4h_to_h")
"""Row-parallel matrices: each GPU reads a part of the input, and their biases are whole (linear.py)."""
WHOLE = ("q_a_proj", "kv_a_proj_with_mqa", "embed_positions", "router", "wk", "wq_b", "weights_proj", "linear")
"""Matrices that every GPU holds in full (ReplicatedLinear)."""
WHOLE_IF_COMPRESSED = ("kv_proj", "compressor.", "indexer.", "attn_hc.", "ffn_hc.", "hc_head.")
"""How roles begin of which the same holds beside compressed attention (models/deepseek_v4: disable_tp, and parameters of no layer)."""

NOT_LOADED = ("talker", "vocoder")
"""Parts of Qwen-Omni that speak: loaders skip `talker.`, `token2wav.` and `code2wav.` (qwen3_omni_moe_thinker.py)."""


@lru_cache(maxsize=256)
def stages(model: ModelShape, pipeline: int) -> tuple[ModelShape, ...]:
    """The model that each pipeline stage holds (distributed/utils.py get_pp_indices).

    The first has the embedding and the towers, the last the head; layers that do not divide go to the later stages,
    but not to the last.
    """
    if any(tower.name in NOT_LOADED for tower in model.towers):
        model = replace(model, towers=tuple(tower for tower in model.towers if tower.name not in NOT_LOADED))
    if pipeline == 1:
        return (model,)
    total = model.num_hidden_layers
    counts = [total // pipeline] * pipeline
    for i in range(2, total % pipeline + 2):
        counts[-i] += 1
    order = sorted(position for group in model.layers for position in group.layers)
    found = []
    for stage, count in enumerate(counts):
        start = sum(counts[:stage])
        positions = set(order[start : start + count])
        groups = tuple(
            replace(group, layers=held)
            for group in model.layers
            if (held := tuple(layer for layer in group.layers if layer in positions))
        )
        first, last = stage == 0, stage == pipeline - 1
        tied = all(tensor.role != "lm_head" for tensor in model.head)
        found.append(
            replace(
                model,
                layers=groups,
                embeddings=model.embeddings if first or (last and tied) else (),
                head=model.head if last else (),
                towers=model.towers if first else (),
            )
        )
    return tuple(found)


def check_parallel(model: ModelShape, tensor: int, pipeline: int) -> None:
    """Raises InputError for a size that vLLM refuses, with the valid ones."""
    if pipeline > model.num_hidden_layers:
        raise InputError(f"pipeline_parallel: {pipeline} is more than the {model.num_hidden_layers} layers; use fewer")
    reason = _refused(model, tensor)
    if reason:
        valid = ", ".join(str(size) for size in range(1, MOST + 1) if not _refused(model, size))
        raise InputError(f"tensor_parallel: {tensor} {reason}; valid sizes: {valid}")


def _refused(model: ModelShape, size: int) -> str:
    """Why a size is refused, empty where it is not: query heads, KV heads, MLP width, vocabulary."""
    heads = {getattr(_attention(group.mixer), "num_attention_heads", 0) for group in model.layers}
    for count in sorted(heads):
        if count % size:
            return f"does not divide the {count:,} query heads"
    for count in sorted(set(kv_heads(model).values())):
        if count % size and size % count:
            return f"and the {count:,} KV heads do not divide one another"
    for what, count in _widths(model):
        if count % size:
            return f"does not divide the {count:,} {what}"
    return ""


def _widths(model: ModelShape) -> Iterator[tuple[str, int]]:
    """What every GPU takes an equal part of, beside heads."""
    for group in model.layers:
        if isinstance(group.mlp, DenseMlp):
            yield "columns of the MLP", group.mlp.intermediate_size
        elif isinstance(group.mlp, MixtureOfExperts):
            yield "columns of an expert", group.mlp.moe_intermediate_size
    yield "rows of the padded vocabulary", round_up(model.vocab_size, VOCABULARY)


def _attention(mixer: object) -> object:
    return getattr(mixer, "attention", mixer)


@lru_cache(maxsize=256)
def kv_heads(model: ModelShape) -> dict[int, int]:
    """KV heads by the width of the key or value projection that has them."""
    found: dict[int, int] = {}
    for group in model.layers:
        attention = _attention(group.mixer)
        heads = getattr(attention, "num_key_value_heads", 0)
        if heads:
            found[heads * getattr(attention, "head_dim", 0)] = heads
            found[heads * getattr(attention, "v_head_dim", 0)] = heads
    return found


def shard(model: ModelShape, tensor: Tensor, size: int) -> Tensor:
    """The part of a tensor that one of `size` GPUs holds; the vocabulary is padded even for one."""
    base = tensor.role.removesuffix(".bias").rpartition(".")[2]
    is_bias = tensor.role.endswith(".bias")
    if tensor.part in ("embedding", "head") and base in ("embed_tokens", "lm_head"):
        return replace(tensor, rows=round_up(tensor.rows, VOCABULARY) // size)
    whole = base in WHOLE or (tensor.role.startswith(WHOLE_IF_COMPRESSED) and is_compressed(model))
    if size == 1 or whole or tensor.part in ("norms", "router"):
        return tensor
    if base in BY_COLUMNS:
        return tensor if is_bias else replace(tensor, columns=-(-tensor.columns // size))
    if base in ("k_proj", "v_proj"):
        heads = kv_heads(model).get(tensor.rows, size)
        return replace(tensor, rows=-(-tensor.rows // min(size, heads)))
    if base == "qkv_proj":
        return replace(tensor, rows=_fused_rows(model, tensor.rows, size))
    return replace(tensor, rows=-(-tensor.rows // size))


def _fused_rows(model: ModelShape, rows: int, size: int) -> int:
    """Rows of a fused projection: queries are divided, keys and values no further than their heads."""
    for group in model.layers:
        mixer = _attention(group.mixer)
        key, value = getattr(mixer, "key_width", 0), getattr(mixer, "value_width", 0)
        if getattr(mixer, "query_width", 0) + key + value == rows:
            shared = min(size, getattr(mixer, "num_key_value_heads", size))
            return -(-(rows - key - value) // size) + (key + value) // shared
    return -(-rows // size)
