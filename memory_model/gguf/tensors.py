"""The exact list of tensors that llama-quantize writes for a model and a mix."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import NamedTuple

from ..blocks.latent_attention import LatentAttention
from ..model_shape import ModelShape
from ..tensors import Tensor
from .mix import BLOCK, mix_of, that_divides, use_more_bits
from .view import KEPT_16_BIT, gguf_view, stays_f32

SPELLINGS = {"fp32": "f32", "fp16": "f16"}
"""GGUF's names of the unquantised types."""
GROUPED_80_LAYERS = ("llama", "mistral", "qwen2", "nemotron-nas")
"""Families whose models of 80 layers llama.cpp knows as `70B`, if their keys are shared by several queries."""
CONSTANT_KV_HEADS = ("qwen3_next", "qwen3_5_text", "qwen3_5_moe_text", "qwen3_5", "qwen3_5_moe")
"""Hybrids whose files state KV heads once for all layers, not 0 for the layers without attention."""


class GgufTensor(NamedTuple):
    """One tensor of a file: `copies` matrices of `rows` x `columns` values, in the number format `type`."""

    name: str
    """As in the file, such as `blk.3.attn_v.weight`."""
    layer: int
    """-1 for tensors outside the layers."""
    rows: int
    columns: int
    copies: int
    type: str


@lru_cache(maxsize=256)
def gguf_tensors(model: ModelShape, mix: str) -> tuple[GgufTensor, ...]:
    """Every tensor of the language model in the mix of that name, in the order in which llama-quantize counts them.

    A vector is one row of `columns` values, as in the file. Sizes are those of a file, without an engine's padding.
    """
    return tuple(
        GgufTensor(name, layer, tensor.rows, tensor.columns, tensor.copies, type_name)
        if tensor.columns > 1
        else GgufTensor(name, layer, tensor.copies, tensor.rows, 1, type_name)
        for name, layer, tensor, type_name in typed_view(model, mix)
    )


@lru_cache(maxsize=256)
def typed_view(model: ModelShape, mix_name: str) -> tuple[tuple[str, int, Tensor, str], ...]:
    """Quadruples of (name, layer, tensor, type name); for the mix of the model's own file, what the file holds.

    Raises KeyError for a mix that is not in the table.
    """
    if model.stored_as_gguf and model.quantization and model.quantization.scheme == mix_name:
        return model.stored
    rule = _Rule(model, SPELLINGS.get(mix_name, mix_name))
    return tuple(
        (name, layer, tensor, rule.type_of(*kinds, layer, tensor)) for name, layer, tensor, kinds in _view(model)
    )


@lru_cache(maxsize=64)
def _view(model: ModelShape) -> tuple[tuple[str, int, Tensor, tuple[str, str]], ...]:
    """(name, layer, tensor, kinds): its column of the table of mixes, and the type that it keeps in every mix, or empty."""
    return tuple((name, layer, tensor, (_kind(name), _kept(name, tensor))) for name, layer, tensor in gguf_view(model))


class _Rule:
    """What llama-quantize knows of a model, and how many tensors of each kind it has passed (llama-quant.cpp)."""

    def __init__(self, model: ModelShape, mix_name: str) -> None:
        self.mix = mix_of(mix_name, falcon=model.modeling == "falcon")
        view = _view(model)
        self.tied = all(name != "output.weight" for name, *_ in view)
        self.attn_v_count = sum(kind == "attn_v" for *_, (kind, _) in view)
        self.layers = model.num_hidden_layers
        self.experts = max((tensor.copies for name, _, tensor, _ in view if "_exps" in name), default=0)
        self.gqa = _queries_per_kv_head(model)
        self.seventy = self.layers == 80 and self.gqa > 1 and model.modeling in GROUPED_80_LAYERS
        self.passed: Counter[str] = Counter()

    def type_of(self, kind: str, kept: str, layer: int, tensor: Tensor) -> str:
        if kept == "f32":
            return kept
        if self.mix.base in ("f32", "f16", "bf16"):
            return self.mix.base
        if kept:
            return kept
        return that_divides(self._chosen(kind, layer, tensor), tensor.columns)

    def _chosen(self, kind: str, layer: int, tensor: Tensor) -> str:
        mix = self.mix
        if kind == "output" or (kind == "token_embd" and self.tied):
            return "q8_0" if tensor.columns % BLOCK.get(mix.base, 256) else mix.output
        if mix.experts and tensor.copies > 1:
            return mix.experts
        index = self.passed[kind]
        self.passed[kind] += 1
        if kind.startswith("ffn") and self.experts > 1 and not mix.by_tensor:
            index = layer
        if self.experts == 8 and kind in mix.eight_experts:
            return self._cell(mix.eight_experts[kind], index, self.layers) or mix.base
        count = self.attn_v_count if kind == "attn_v" else self.layers
        chosen = self._cell(getattr(mix, kind, ""), index, count) or mix.base
        return (
            "q5_k" if kind == "attn_v" and self.seventy and chosen in ("q3_k", "q4_k") and not mix.by_tensor else chosen
        )

    def _cell(self, cell: str, index: int, count: int) -> str:
        for choice in cell.split(" else "):
            chosen, _, condition = choice.partition(" if ")
            if not condition or self._holds(condition, index, count):
                return chosen
        return ""

    def _holds(self, condition: str, index: int, count: int) -> bool:
        match condition:
            case "first 2" | "first 4":
                return index < int(condition[-1])
            case "sixteenth":
                return index < count // 16
            case "eighth":
                return index < count // 8
            case "middle":
                return count // 8 <= index < 7 * count // 8
            case "more":
                return use_more_bits(index, count)
            case "eighth or more":
                return index < count // 8 or use_more_bits(index, count)
            case "gqa 4":
                return self.gqa >= 4
            case "experts 4":
                return self.gqa >= 4 or self.experts >= 4
        raise ValueError(f"unknown condition {condition!r} in the table of mixes")


def _kept(name: str, tensor: Tensor) -> str:
    if stays_f32(name, tensor):
        return "f32"
    return "f16" if any(kept in name for kept in KEPT_16_BIT) else ""


def _kind(name: str) -> str:
    """The column of the table of mixes, or empty (llama-quant.cpp tensor_get_category)."""
    base = name.rpartition(".")[0].rpartition(".")[2]
    if base in ("attn_v", "attn_qkv", "attn_kv_b"):
        return "attn_v"
    if base in ("output", "attn_q", "attn_k", "attn_output"):
        return base
    if base in ("token_embd", "per_layer_token_embd"):
        return "token_embd"
    return next((kind for kind in ("ffn_down", "ffn_up", "ffn_gate") if base.startswith(kind)), "")


def _queries_per_kv_head(model: ModelShape) -> int:
    """Query heads a KV head in the first layer; 0 where it has no attention."""
    for group in model.layers:
        if 0 in group.layers or model.modeling in CONSTANT_KV_HEADS:
            if isinstance(group.mixer, LatentAttention):
                return group.mixer.num_attention_heads  # absorbed latent attention has one KV head
            kv_heads = getattr(group.mixer, "num_key_value_heads", 0)
            if kv_heads:
                return int(getattr(group.mixer, "num_attention_heads", 0)) // int(kv_heads)
    return 0
