"""Mixtures of experts whose layers slide by kind: Mellum, and Trinity and Laguna, whose attention is gated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..blocks.attention import Attention
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, layer_types, mixture, num_hidden_layers, routed, sparse_layers, stack, windowed
from .family import Family
from .llama import NORMS

SANDWICH_NORMS = (*NORMS, "pre_mlp_layernorm", "post_mlp_layernorm")
LEARNED_OFFSET: dict[str, Any] = {"correction_bias": True, "correction_counted": True, "correction_stored": ""}
"""A balancing offset of the experts that is a parameter in 16 bits."""


def mellum(config: Config) -> ModelShape:
    """JetBrains 2026; transformers modeling_mellum.py: Qwen3's experts and head norms, a rotation for each kind of layer."""
    config.ignore("num_mtp_layers", "num_nextn_predict_layers", "mtp_layer_types", "mtp_mlp_layer_types")
    full = attention(config, bias=config.flag("attention_bias"), qk_norm="head")
    mixers = windowed(full, config.optional("sliding_window"), layer_types(config, lambda _: False))
    moe = mixture(config, "num_experts", "num_local_experts")
    return decoder(config, stack(config, mixers, routed(config, moe, sparse_layers(config, lambda _: True)), NORMS))


def afmoe(config: Config) -> ModelShape:
    """Arcee AI 2025; transformers modeling_afmoe.py: a gate as wide as the queries, norms before and behind.

    Layers without a window are not rotated.
    """
    for key, value in (("score_func", "sigmoid"), ("n_group", 1), ("num_expert_groups", 1), ("topk_group", 1)):
        config.must_be(key, value)
    config.ignore("mup_enabled", "num_limited_groups", "load_balance_coeff")
    every = config.whole("global_attn_every_n_layers")
    kinds = layer_types(config, lambda i: (i + 1) % every != 0)
    full = attention(config, bias=config.flag("attention_bias"), qk_norm="head")
    full = replace(full, gate_width=full.query_width)
    mixers = windowed(full, config.optional("sliding_window"), kinds)
    moe = mixture(config, "num_experts", shared=config.whole("num_shared_experts"), **LEARNED_OFFSET)
    first = config.whole("num_dense_layers", least=0)
    return decoder(
        config, stack(config, mixers, routed(config, moe, (i >= first for i in range(len(kinds)))), SANDWICH_NORMS)
    )


def laguna(config: Config) -> ModelShape:
    """Poolside 2026; transformers modeling_laguna.py: query heads and rotated shares by layer, one gate a head or a value.

    `num_attention_heads_per_layer`: the query heads of each layer.
    """
    config.must_be("moe_apply_router_weight_on_input", False)
    config.must_be("gating", True, False, "per-head", "per-element")
    config.must_be("decoder_sparse_step", 1)
    config.must_be("qkv_bias", False)
    config.ignore("moe_router_logit_softcapping", "moe_routed_scaling_factor", "gating_types", "sliding_window")
    kinds, count = layer_types(config, lambda _: False), num_hidden_layers(config)
    heads = config.whole_list("num_attention_heads_per_layer", count) or (config.whole("num_attention_heads"),) * count
    sparse = sparse_layers(config, lambda i: i > 0)
    if config.raw("mlp_only_layers") not in (None, [i for i in range(count) if not sparse[i]]):
        raise config.error("mlp_only_layers", "says otherwise than mlp_layer_types", "check the file")
    shared = config.whole("shared_expert_intermediate_size")
    moe = mixture(config, "num_experts", shared_intermediate_size=shared, **LEARNED_OFFSET)
    mixers = [_gated(config, kind, number) for kind, number in zip(kinds, heads, strict=True)]
    return decoder(config, stack(config, mixers, routed(config, moe, sparse), NORMS))


def _gated(config: Config, kind: str, heads: int) -> Attention:
    kv_heads = config.whole("num_key_value_heads")
    if not heads or heads % kv_heads:
        raise config.error(
            "num_attention_heads_per_layer", f"{heads} is no multiple of {kv_heads} KV heads", "check the file"
        )
    full = attention(config, num_attention_heads=heads, bias=config.flag("attention_bias"), qk_norm="head")
    per_head = config.raw("gating") in (True, "per-head")
    share = 0.5 if kind == "full_attention" else 1.0
    if (rope := config.section("rope_parameters")) is not None:
        by_kind = rope.section(kind) or rope
        share = by_kind.number("partial_rotary_factor", 1.0)
    return replace(
        full,
        rotary_dim=int(full.head_dim * share),
        gate_width=heads if per_head else full.query_width,
        window=config.whole("sliding_window") if kind == "sliding_attention" else None,
    )


FAMILIES = (
    Family("mellum", mellum, {
        "vocab_size": 98304, "hidden_size": 2304, "intermediate_size": 7168, "num_hidden_layers": 28,
        "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "max_position_embeddings": 131072,
        "tie_word_embeddings": False, "sliding_window": 1024, "moe_intermediate_size": 896, "num_experts_per_tok": 8,
        "num_experts": 64,
    }),
    Family("afmoe", afmoe, {
        "vocab_size": 200192, "hidden_size": 2048, "intermediate_size": 6144, "moe_intermediate_size": 1408,
        "num_hidden_layers": 32, "num_dense_layers": 1, "num_attention_heads": 16, "head_dim": 128,
        "max_position_embeddings": 16384, "tie_word_embeddings": False, "num_experts": 64, "num_experts_per_tok": 6,
        "num_shared_experts": 2, "global_attn_every_n_layers": 4, "sliding_window": 1024,
    }),
    Family("laguna", laguna, {
        "vocab_size": 100352, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 40,
        "num_attention_heads": 48, "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 131072,
        "tie_word_embeddings": False, "sliding_window": 512, "moe_intermediate_size": 512,
        "shared_expert_intermediate_size": 512, "num_experts_per_tok": 8, "num_experts": 256, "gating": True,
    }),
)  # fmt: skip
