"""From the tensors of a safetensors checkpoint to the weights of its model: what is loaded, and what is not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import prod

from ..errors import InputError
from ..model_shape import ModelShape
from ..tensors import Tensor
from .safetensors_files import HeaderEntry

FORMATS = {
    "F64": "fp64", "F32": "fp32", "F16": "fp16", "BF16": "bf16", "F8_E4M3": "fp8", "F8_E5M2": "fp8", "F8_E8M0": "fp8",
    "F4": "fp4", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U64": "int64", "U32": "int32",
    "U16": "int16", "U8": "int8", "BOOL": "int8",
}  # fmt: skip
PARTS = (
    ("vision", r"vision|visual|image|multi_modal|mm_|projector|patch_embed"),
    ("audio", r"audio|talker|(?:token|code)2wav|^(?:model\.)?encoder\."),
    ("embedding", r"embed_tokens|embed_positions|\bwte\b|\bwpe\b|word_embeddings|embed_in|embeddings?\.weight"),
    ("head", r"lm_head|embed_out|output\.weight"),
    ("norms", r"norm|\bln_"),
    ("experts", r"\.experts\b"),
    ("shared experts", r"shared_expert"),
    ("router", r"mlp\.gate\.|router|block_sparse_moe\.gate\."),
    ("recurrence", r"mamba|mixer|linear_attn|conv|temporal_block"),
    ("attention", r"attn|attention"),
    ("mlp", r"mlp|feed_forward|\bfc\d|c_fc"),
)
"""The share of the weights that a tensor is drawn in, by the first expression that its name holds."""
LAYER = re.compile(r"(?:layers|\bh|blocks|block)\.(\d+)\.")
BUFFER = re.compile(
    r"rotary_emb\.inv_freq|masked_bias|\.attn\.bias$|attention\.bias$|e_score_correction_bias|expert_bias$"
)
SIDE = re.compile(r"(?:^|\.)(?:mtp|nextn|eagle)(?:\.|_)")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint stores, beside what is loaded of it."""

    loaded: tuple[tuple[str, int, Tensor, str], ...]
    """Quadruples of (name, layer or -1, tensor, number format)."""
    left_out: tuple[tuple[str, str, int], ...]
    """Triples of (name, why, bytes)."""
    bytes_by_dtype: dict[str, int]
    """Of the whole files, as the headers name the types."""


def checkpoint(entries: Iterable[HeaderEntry], model: ModelShape) -> Checkpoint:
    """Sorts the tensors of a checkpoint by what the model loads."""
    loaded, left_out, by_dtype = [], [], Counter[str]()
    tied = not any(tensor.role == "lm_head" for tensor in model.head)
    for entry in entries:
        by_dtype[entry.dtype] += entry.bytes
        match = LAYER.search(entry.name)
        part = _part(entry.name)
        tower = part in ("vision", "audio")
        layer = int(match[1]) if match and not tower else -1
        if reason := _left_out(entry.name, part, layer, tied, model):
            left_out.append((entry.name, reason, entry.bytes))
            continue
        columns = entry.shape[-1] if len(entry.shape) > 1 else 1
        rows = prod(entry.shape[:-1]) if len(entry.shape) > 1 else prod(entry.shape)
        if rows and columns:
            tensor = Tensor(_role(entry.name), rows, columns, part=part)
            loaded.append((entry.name, layer, tensor, FORMATS[entry.dtype]))
    return Checkpoint(tuple(loaded), tuple(left_out), dict(by_dtype))


def with_stored(model: ModelShape, entries: tuple[HeaderEntry, ...]) -> ModelShape:
    """The same model with the exact tensors of its checkpoint; its type is the one that most of its values have.

    Raises InputError where a layer is not among them.
    """
    found = checkpoint(entries, model)
    held = {layer for _, layer, _, _ in found.loaded}
    absent = {layer for layers, _ in model.tensors("text") for layer in layers} - held - {-1}
    if absent and held != {-1}:
        problem = f"its files hold nothing of layer {min(absent)}, which the config has"
        raise InputError(f"{model.name}: {problem}; download the checkpoint again, or give its config.json alone")
    values: Counter[str] = Counter()
    for _, _, tensor, name in found.loaded:
        if name in ("fp32", "fp16", "bf16"):
            values[name] += tensor.values
    dtype = values.most_common(1)[0][0] if values else model.dtype
    return replace(model, stored=found.loaded, dtype=dtype, dtype_stated=True)


def _left_out(name: str, part: str, layer: int, tied: bool, model: ModelShape) -> str:
    if BUFFER.search(name):
        return "a buffer, no parameter"
    if layer >= model.num_hidden_layers or SIDE.search(name):
        return "a layer for multi-token prediction"
    if tied and part == "head":
        return "a copy of the embedding"
    if part in ("vision", "audio") and not model.towers:
        return "a tower that the model class does not load"
    return ""


def _part(name: str) -> str:
    return next((part for part, expression in PARTS if re.search(expression, name)), "other")


def _role(name: str) -> str:
    """The name without its layer, its expert and what all tensors share, so that like tensors are one term."""
    role = re.sub(r"\.\d+\.", ".", name.removesuffix(".weight"))
    return re.sub(r"^(?:model|transformer|language_model)\.", "", re.sub(r"\.\d+\.", ".", role))
