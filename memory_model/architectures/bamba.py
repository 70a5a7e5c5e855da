"""Bamba, Granite 4 and Falcon-H1: Mamba-2 instead of most attention layers, or beside attention in all of them."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.mlp import DenseMlp, MixtureOfExperts
from ..blocks.parallel import AttentionAndMamba2
from ..model_shape import ModelShape
from ..tensors import Mixer, Mlp
from .config import Config
from .decoder import attention, decoder, num_hidden_layers, stack
from .family import Family
from .hybrid import block_kinds, mamba2
from .llama import LLAMA
from .llama import NORMS as LLAMA_NORMS

NORMS = ("input_layernorm", "pre_ff_layernorm")


def bamba(config: Config) -> ModelShape:
    """IBM 2024; transformers modeling_bamba.py: attention in `attn_layer_indices`, half of each head rotated."""
    full = attention(config, bias=config.flag("attention_bias"))
    full = replace(full, rotary_dim=full.head_dim // 2)
    proj_bias = config.flag("mamba_proj_bias")
    recurrent = mamba2(
        config, config.whole("mamba_expand") * config.whole("hidden_size"), in_bias=proj_bias, out_bias=proj_bias
    )
    chosen = config.whole_list("attn_layer_indices")
    count = num_hidden_layers(config)
    mlp = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"))
    config.ignore("layer_types", "layers_block_type", "mamba_dt_rank")  # the kinds are computed from the indices
    return decoder(config, stack(config, [full if i in chosen else recurrent for i in range(count)], mlp, NORMS))


def granitemoehybrid(config: Config) -> ModelShape:
    """IBM 2025; transformers modeling_granitemoehybrid.py: experts, if any, beside an MLP that sees every token."""
    kind = config.text("position_embedding_type")
    full = attention(config, bias=config.flag("attention_bias"), **({} if kind == "rope" else {"rotary_dim": 0}))
    proj_bias = config.flag("mamba_proj_bias")
    count = num_hidden_layers(config)
    kinds = block_kinds(config, count, "layer_types", "layers_block_type") or ("linear_attention",) * count
    mixers: list[Mixer] = [full] * count
    if "linear_attention" in kinds:
        recurrent = mamba2(
            config, config.whole("mamba_expand") * config.whole("hidden_size"), in_bias=proj_bias, out_bias=proj_bias
        )
        mixers = [full if kind == "full_attention" else recurrent for kind in kinds]
    else:
        config.ignore(*(key for key in config.keys if key.startswith("mamba_")))
    config.ignore("num_logits_to_keep")
    mlp = _granite_mlp(config)
    return decoder(config, stack(config, mixers, mlp, LLAMA_NORMS))


def _granite_mlp(config: Config) -> Mlp:
    shared = config.whole("shared_intermediate_size")
    experts = config.whole("num_local_experts", 0, least=0)
    chosen = config.whole("num_experts_per_tok", 0, least=0)
    width = config.whole("intermediate_size", least=0)
    if not experts:
        return DenseMlp(shared, fused=True)
    return MixtureOfExperts(experts, chosen, width, shared_intermediate_size=shared)


def falcon_h1(config: Config) -> ModelShape:
    """Zuo et al. 2025, arXiv:2507.22448; transformers modeling_falcon_h1.py: attention and Mamba-2 in every layer."""
    d_inner = config.optional("mamba_d_ssm") or config.whole("mamba_expand") * config.whole("hidden_size")
    recurrent = mamba2(
        config,
        d_inner,
        in_bias=config.flag("mamba_proj_bias"),
        out_bias=config.flag("projectors_bias"),
        gated_norm=config.flag("mamba_rms_norm"),
    )
    recurrent = replace(recurrent, multipliers=True)
    mixer = AttentionAndMamba2(attention(config, bias=config.flag("attention_bias")), recurrent)
    mlp = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"))
    config.ignore(
        "mamba_expand", "mamba_norm_before_gate", "lm_head_multiplier", "ssm_multipliers", "ssm_in_multiplier",
        "ssm_out_multiplier", "layers_block_type", "layer_types", "attn_layer_indices",
    )  # fmt: skip
    return decoder(config, stack(config, mixer, mlp, NORMS))


_MAMBA2 = {
    "mamba_n_heads": 128, "mamba_d_head": "auto", "mamba_n_groups": 1, "mamba_d_state": 256, "mamba_d_conv": 4,
    "mamba_expand": 2, "mamba_conv_bias": True, "mamba_proj_bias": False,
}  # fmt: skip
_BAMBA = _MAMBA2 | {
    "vocab_size": 128000, "tie_word_embeddings": False, "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 262144,
}  # fmt: skip

FAMILIES = (
    Family("bamba", bamba, _BAMBA),
    Family("falcon_h1", falcon_h1, _BAMBA | {"max_position_embeddings": 8192, "mamba_d_ssm": 1024}),
    Family("granitemoehybrid", granitemoehybrid, LLAMA | _MAMBA2 | {
        "num_local_experts": 8, "num_experts_per_tok": 2, "shared_intermediate_size": 1024,
    }),
)  # fmt: skip
