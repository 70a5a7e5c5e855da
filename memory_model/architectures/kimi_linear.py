"""Kimi Linear: Kimi Delta Attention in most layers, latent attention in the others, experts after the first."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.kimi_delta import KimiDeltaAttention
from ..blocks.mlp import MixtureOfExperts
from ..model_shape import ModelShape
from .config import Config
from .decoder import decoder, num_hidden_layers, routed, sparse_layers, stack
from .deepseek import latent_attention
from .family import Family
from .hybrid import block_kinds
from .llama import NORMS

RESIDUAL_NORMS = ("self_attention_res_norm", "mlp_res_norm", "self_attention_res_proj", "mlp_res_proj")
"""Attention over the residuals of earlier blocks: a norm and a row of scores before attention and before the MLP."""


def kimi_linear(config: Config, *, correction_counted: bool = False) -> ModelShape:
    """Kimi Team 2025, arXiv:2510.26692; transformers modeling_kimi_linear.py: no positions.

    With the keys of Kimi K3 (arXiv:2607.24653): full-rank gates, gated latent attention, experts in a latent space
    and residuals that attend to earlier blocks.
    """
    count = num_hidden_layers(config)
    linear = config.section("linear_attn_config", {}) or Config({}, config.where)
    kinds = _kinds(config, linear, count)
    recurrent = KimiDeltaAttention(
        linear.whole("num_heads", config.whole("linear_num_heads")),
        linear.whole("head_dim", config.whole("linear_head_dim")),
        linear.whole("short_conv_kernel_size", config.whole("linear_conv_kernel_dim")),
        linear.flag("use_full_rank_gate"),
    )
    linear.refuse_unread()
    config.ignore(
        "head_dim", "qk_head_dim", "num_key_value_heads", "num_nextn_predict_layers", "num_expert_group",
        "moe_router_activation_func", "moe_renormalize",
    )  # fmt: skip
    config.must_be("mla_use_nope", True)
    full = replace(latent_attention(config), output_gate=config.flag("mla_use_output_gate"))
    config.must_be("moe_layer_freq", 1)
    first = config.whole("first_k_dense_replace", 1, least=0)
    mlps = routed(config, _experts(config, correction_counted), sparse_layers(config, lambda i: i >= first))
    mixers = [full if kind == "full_attention" else recurrent for kind in kinds]
    attends = config.optional("attn_res_block_size") is not None
    layers = stack(config, mixers, mlps, (*NORMS, *RESIDUAL_NORMS) if attends else NORMS)
    longest = config.whole(config.spelled("model_max_length", "max_position_embeddings"))
    shape = decoder(config.changed(tie_word_embeddings=False), layers, max_position_embeddings=longest)
    if attends:
        final, *rest = shape.head
        scores = (replace(final, role="output_attn_res_norm"), replace(final, role="output_attn_res_proj"))
        shape = replace(shape, head=(final, *scores, *rest))
    return shape


def _kinds(config: Config, linear: Config, count: int) -> tuple[str, ...]:
    """`layer_types`, or the two lists of layers counted from 1, or attention in every fourth layer but the first."""
    stated = block_kinds(config, count, "layer_types")
    full, recurrent = linear.whole_list("full_attn_layers"), linear.whole_list("kda_layers")
    if stated:
        return stated
    if not full and not recurrent:
        return tuple("linear_attention" if i % 4 or not i else "full_attention" for i in range(count))
    if sorted((*full, *recurrent)) != list(range(1, count + 1)):
        raise linear.error(
            "kda_layers", f"with full_attn_layers they are not the layers 1 to {count}", "check the file"
        )
    return tuple("full_attention" if i + 1 in full else "linear_attention" for i in range(count))


def _experts(config: Config, correction_counted: bool) -> MixtureOfExperts:
    width = config.whole("moe_intermediate_size")
    shared = config.whole(config.spelled("num_shared_experts", "n_shared_experts"), least=0)
    return MixtureOfExperts(
        config.whole(config.spelled("num_experts", "num_local_experts")),
        config.whole(config.spelled("num_experts_per_token", "num_experts_per_tok")),
        width,
        shared_intermediate_size=width * shared,
        correction_bias=True,
        correction_counted=correction_counted,
        latent_size=config.optional("routed_expert_hidden_size") or 0,
        latent_norm=config.flag("latent_moe_use_norm"),
    )


KIMI_LINEAR = {
    "model_type": "kimi_linear", "vocab_size": 163840, "hidden_size": 2304, "intermediate_size": 9216,
    "moe_intermediate_size": 1024, "num_hidden_layers": 27, "num_attention_heads": 32, "num_shared_experts": 1,
    "kv_lora_rank": 512, "qk_rope_head_dim": 64, "v_head_dim": 128, "qk_nope_head_dim": 128,
    "num_experts_per_token": 8, "model_max_length": 1048576, "num_experts": 256, "linear_head_dim": 128,
    "linear_num_heads": 32, "linear_conv_kernel_dim": 4,
}  # fmt: skip

FAMILIES = (Family("kimi_linear", kimi_linear, KIMI_LINEAR),)
