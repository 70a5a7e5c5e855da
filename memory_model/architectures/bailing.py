"""Ling and Ring 1 and 2: experts with shared ones beside them, fused queries, keys and values."""

from __future__ import annotations

from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, mixture, num_hidden_layers, routed, stack
from .family import Family
from .llama import NORMS


def bailing_moe(config: Config) -> ModelShape:
    """Ling Team 2025, arXiv:2503.05139; modeling_bailing_moe.py beside the checkpoints."""
    config.ignore("moe_router_topk")
    return _experts(config, correction=False)


def bailing_moe_v2(config: Config) -> ModelShape:
    """Ling Team 2025, arXiv:2510.22115; modeling_bailing_moe_v2.py beside the checkpoints: norms of heads, balancing offsets.

    Multi-token prediction is not loaded.
    """
    config.ignore("rotary_dim", "num_nextn_predict_layers", "mtp_loss_scaling_factor")
    width = config.whole("moe_intermediate_size") * config.whole("num_shared_experts")
    config.must_be("moe_shared_expert_intermediate_size", None, config.whole("moe_intermediate_size"), width)
    return _experts(config, correction=config.flag("moe_router_enable_expert_bias", True))


def _experts(config: Config, *, correction: bool) -> ModelShape:
    config.must_be("norm_head", False)
    qk_norm = "head" if config.flag("use_qk_norm") else ""
    qkv_bias, o_bias = config.flag("use_qkv_bias"), config.flag("use_bias")
    mixer = attention(config, qkv_bias=qkv_bias, o_bias=o_bias, fused=True, qk_norm=qk_norm)
    moe = mixture(config, "num_experts", shared=config.whole("num_shared_experts", 0), correction_bias=correction)
    first, count = config.whole("first_k_dense_replace", 0, least=0), num_hidden_layers(config)
    return decoder(config, stack(config, mixer, routed(config, moe, (i >= first for i in range(count))), NORMS))


FAMILIES = (
    Family("bailing_moe", bailing_moe, {"tie_word_embeddings": False}),
    Family("bailing_moe_v2", bailing_moe_v2, {"tie_word_embeddings": False, "use_qk_norm": True}),
)
