"""llama.cpp's mixes: which GGUF type each tensor of a model gets (llama-quant.cpp at 0c1e57098)."""

from __future__ import annotations

from dataclasses import dataclass

from .model_shape import ModelShape
from .tensors import Tensor


@dataclass(frozen=True, slots=True)
class Mix:
    """The type of most matrices, of the output matrix, and of the tensors that matter most."""

    base: str
    output: str
    better: str = ""
    """The type of attn_v and ffn_down in the layers that `more` picks."""


MIXES = {
    "q8_0": Mix("q8_0", "q8_0"),
    "q6_k": Mix("q6_k", "q6_k"),
    "q5_k_m": Mix("q5_k", "q6_k", better="q6_k"),
    "q4_k_m": Mix("q4_k", "q6_k", better="q6_k"),
    "q4_0": Mix("q4_0", "q6_k"),
}
FALLBACK = {"q4_k": "q5_0", "q5_k": "q5_1", "q6_k": "q8_0"}
BLOCK = {"q4_k": 256, "q5_k": 256, "q6_k": 256}
ATTN_V = ("v_proj", "qkv_proj", "kv_b_proj")
EXPERTS_OF_MIXTRAL = 8


def gguf_type(model: ModelShape, mix_name: str, tensor: Tensor, layer: int) -> str:
    """The GGUF type of one tensor of one layer; position -1 for tensors outside the layers."""
    mix = MIXES[mix_name]
    if tensor.is_vector or tensor.part == "router":
        return "f32"
    if tensor.part == "vision":
        return "f16"
    chosen = _chosen(model, mix, tensor, layer)
    return _that_divides(chosen, tensor.columns)


def _chosen(model: ModelShape, mix: Mix, tensor: Tensor, layer: int) -> str:
    tied = not any(t.role == "lm_head" for t in model.head)
    if tensor.role == "lm_head" or (tensor.role == "embed_tokens" and tied):
        return mix.output
    if tensor.role == "embed_positions":
        return "f32"
    role = tensor.role.rpartition(".")[2]
    eight = any(t.role == "router" and t.rows == EXPERTS_OF_MIXTRAL for _, t in model.tensors("text"))
    if eight and mix.base == "q4_k":
        if role in ("k_proj", "v_proj"):
            return "q8_0"
        if role == "o_proj":
            return "q5_k"
    if mix.better and role in (*ATTN_V, "down_proj") and more(layer, model.num_hidden_layers):
        return mix.better
    if role == "v_proj" and mix.base == "q4_k" and model.num_hidden_layers == 80 and _grouped_query(model):
        return "q5_k"
    return mix.base


def more(index: int, count: int) -> bool:
    """Whether a layer is among the eighths at both ends, or every third between (llama-quant.cpp use_more_bits)."""
    eighth = count // 8
    return index < eighth or index >= 7 * count // 8 or (index - eighth) % 3 == 2


def _grouped_query(model: ModelShape) -> bool:
    mixer = model.layers[0].mixer
    kv_heads = getattr(mixer, "num_key_value_heads", None)
    return kv_heads is not None and kv_heads != getattr(mixer, "num_attention_heads", None)


def _that_divides(chosen: str, columns: int) -> str:
    if columns % BLOCK.get(chosen, 32) == 0:
        return chosen
    fallback = FALLBACK.get(chosen, "f16")
    return fallback if columns % 32 == 0 else "f16"
