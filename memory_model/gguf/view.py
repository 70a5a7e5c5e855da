"""The tensors of a model as llama.cpp's converter writes them: other names, other cuts than the checkpoint's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..blocks.attention import Attention
from ..blocks.delta_net import GatedDeltaNet
from ..blocks.kimi_delta import KimiDeltaAttention
from ..blocks.latent_attention import LatentAttention
from ..blocks.mlp import DenseBesideExperts, DenseMlp
from ..blocks.short_conv import ShortConvolution
from ..model_shape import LayerGroup, ModelShape
from ..tensors import Tensor
from .names import file_name

KEPT = (
    "_norm.weight", "ffn_gate_inp", "position_embd.weight", "token_types.weight", "ssm_conv1d", "shortconv.conv",
    "altup_correct_coef", "altup_predict_coef", "indexer.k_proj", "indexer.q_proj", "ffn_gate_tid2eid",
)  # fmt: skip
"""Matrices that the converter writes as f32 and llama-quantize leaves alone."""
KEPT_16_BIT = ("per_layer_model_proj", "altup_proj", "altup_unembd_proj", "altup_router", "laurel_l", "laurel_r")
"""Matrices that the converter writes in 16 bits and llama-quantize leaves alone."""
STORED_BUFFERS = ("e_score_correction_bias", "tid2eid")
"""Buffers of a model that are tensors of a file; a table of experts in 32 bits."""

MULTIPLIED = "_res_norm"
"""Norms that the converter multiplies with the row of scores behind them (conversion/kimi_k3.py)."""

SPLIT = ("internlm2", "minimax_m3_vl_text")
"""Families whose queries, keys and values, or gate and up, are one matrix elsewhere and written apart by the converter."""

GATE_APART = ("muse_glimmer_text",)
"""Families whose gate of attention has a matrix of its own; queries and keys have norms, which a checkpoint has as a number
(conversion/muse_glimmer.py)."""


def gguf_view(model: ModelShape) -> Iterator[tuple[str, int, Tensor]]:
    """Triples of (name, layer or -1, tensor) of the language model's file, in the order in which layers are counted.

    Towers go to a file of their own. Sources: convert_hf_to_gguf.py and src/llama-model-loader.cpp (weights are read
    layer by layer, by name) of llama.cpp at 0c1e57098.
    """
    for tensor in (*model.embeddings, *model.head):
        if tensor.role.endswith(MULTIPLIED):
            continue
        if tensor.role == "embed_tokens_per_layer":
            tensor = replace(tensor, rows=model.vocab_size)  # padded (conversion/gemma.py Gemma3NModel)
        yield file_name(tensor.role), -1, tensor
    yield from _rotation(model)
    layers: list[tuple[int, str, Tensor]] = []
    for group in model.layers:
        if model.modeling in SPLIT:
            group = split(group)
        gate = []
        if model.modeling in GATE_APART and isinstance(group.mixer, Attention):
            gate = [("attn_gate.weight", Tensor("g_proj", group.mixer.output_width, model.hidden_size))]
            group = replace(group, mixer=replace(group.mixer, output_gate=False, qk_norm="head"))
        found = [*_of_layer(group, model.hidden_size), *_scale(model), *gate]
        held = sorted(found, key=lambda pair: pair[0])
        layers += ((layer, name, tensor) for layer in group.layers for name, tensor in held)
    layers.sort(key=lambda entry: entry[0])
    for layer, name, tensor in layers:
        yield f"blk.{layer}.{name}", layer, tensor


def split(group: LayerGroup) -> LayerGroup:
    """The same layers with a matrix each for queries, keys and values, and for gate and up."""
    mixer, mlp = group.mixer, group.mlp
    mixer = replace(mixer, fused=False) if isinstance(mixer, Attention) else mixer
    return replace(group, mixer=mixer, mlp=replace(mlp, fused=False) if isinstance(mlp, DenseMlp) else mlp)


def stays_f32(name: str, tensor: Tensor) -> bool:
    """Whether a tensor keeps its float32 values in every file: vectors, norms, biases and routers."""
    is_vector = tensor.columns == 1 or tensor.rows * tensor.copies == 1 or not name.endswith("weight")
    return is_vector or any(kept in name for kept in KEPT)


def _scale(model: ModelShape) -> Iterator[tuple[str, Tensor]]:
    """A layer's factor for its output, which a checkpoint holds as a buffer (Gemma 4)."""
    if model.modeling == "gemma4_text":
        yield "layer_output_scale.weight", Tensor("layer_scalar", 1)


def _of_layer(group: LayerGroup, hidden_size: int) -> Iterator[tuple[str, Tensor]]:
    """Layers that share keys and values have matrices for them all the same, which nothing reads (Gemma 3n, Gemma 4)."""
    if isinstance(group.mixer, Attention) and group.mixer.shares_kv:
        group = replace(group, mixer=replace(group.mixer, shares_kv=False))
    tensors = tuple(group.tensors(hidden_size))
    four_norms = any(tensor.role == "post_feedforward_layernorm" for tensor in tensors)
    for tensor in tensors:
        if (tensor.buffer and tensor.role not in STORED_BUFFERS) or tensor.role.startswith("act_fn."):
            continue  # numbers of an activation are keys of a file (conversion/apertus.py)
        if tensor.role.endswith(MULTIPLIED):
            continue
        if tensor.role == "in_proj_qkvz" and isinstance(group.mixer, GatedDeltaNet):
            yield from _fused_delta(group.mixer, tensor)
        elif isinstance(group.mixer, ShortConvolution) and tensor.role.startswith(("in_proj", "out_proj")):
            role, _, bias = tensor.role.partition(".")
            yield f"shortconv.{role}.{bias or 'weight'}", tensor
        elif tensor.role == "gate_proj" and tensor.part == "attention":
            yield "attn_gate.weight", tensor
        elif tensor.role == "g_proj" and isinstance(group.mixer, KimiDeltaAttention):
            yield "ssm_g.weight", tensor
        elif tensor.role == "kv_b_proj" and isinstance(group.mixer, LatentAttention):
            yield from _latent(group.mixer, tensor)
        elif tensor.role in ("experts.gate_proj", "experts.up_proj") and isinstance(group.mlp, DenseBesideExperts):
            if tensor.role == "experts.up_proj":
                yield "ffn_gate_up_exps.weight", replace(tensor, rows=2 * tensor.rows)
        elif tensor.role == "post_attention_layernorm" and four_norms:
            yield "post_attention_norm.weight", tensor
        else:
            yield file_name(tensor.role), tensor


def _fused_delta(mixer: GatedDeltaNet, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Queries, keys and values in one matrix, the output gate in another."""
    yield "attn_qkv.weight", replace(tensor, rows=tensor.rows - mixer.value_width)
    yield "attn_gate.weight", replace(tensor, rows=mixer.value_width)


def _latent(mixer: LatentAttention, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Keys and values are expanded by a matrix per head; the keys' is transposed to be absorbed into the queries."""
    heads, rank = mixer.num_attention_heads, mixer.kv_lora_rank
    yield "attn_k_b.weight", replace(tensor, rows=rank, columns=mixer.qk_nope_head_dim, copies=heads)
    yield "attn_v_b.weight", replace(tensor, rows=mixer.v_head_dim, columns=rank, copies=heads)


def _rotation(model: ModelShape) -> Iterator[tuple[str, int, Tensor]]:
    """Factors that stretch the rotation: one tensor for Llama 3's rule, two for Phi's long and short contexts."""
    rope = _rope(model)
    kind = rope.get("rope_type", rope.get("type"))
    mixer = next((group.mixer for group in model.layers if isinstance(group.mixer, Attention)), None)
    if mixer is None:
        return
    if model.modeling == "gemma4_text":
        full = max(group.mixer.head_dim for group in model.layers if isinstance(group.mixer, Attention))
        yield "rope_freqs.weight", -1, Tensor("rope_freqs", full // 2)
    elif kind == "llama3":
        yield "rope_freqs.weight", -1, Tensor("rope_freqs", mixer.head_dim // 2)
    elif rope.get("long_factor"):
        for length in ("long", "short"):
            yield f"rope_factors_{length}.weight", -1, Tensor(f"rope_factors_{length}", mixer.rotary_dim // 2)


def _rope(model: ModelShape) -> Mapping[str, Any]:
    for keys in (model.config, model.text_config):
        for key in ("rope_scaling", "rope_parameters"):
            rope = keys.get(key)
            if isinstance(rope, Mapping):
                full = rope.get("full_attention")
                return full if isinstance(full, Mapping) else rope
    return {}
