"""Jamba: Mamba in most layers, attention in every eighth, experts in every other."""

from __future__ import annotations

from ..blocks.mamba import Mamba
from ..blocks.mlp import DenseMlp, MixtureOfExperts
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, num_hidden_layers, stack
from .family import Family
from .hybrid import time_step_rank

NORMS = ("input_layernorm", "pre_ff_layernorm")


def jamba(config: Config) -> ModelShape:
    """Lieber et al. 2024, arXiv:2403.19887; transformers modeling_jamba.py: no positions, norms inside Mamba."""
    config.must_be("mamba_inner_layernorms", True)
    config.ignore("num_logits_to_keep")
    full = attention(config, rotary_dim=0)
    recurrent = Mamba(
        config.whole("mamba_expand") * config.whole("hidden_size"),
        config.whole("mamba_d_state"),
        config.whole("mamba_d_conv"),
        time_step_rank(config, "mamba_dt_rank"),
        conv_bias=config.flag("mamba_conv_bias"),
        proj_bias=config.flag("mamba_proj_bias"),
        inner_norms=True,
    )
    experts = config.whole(config.spelled("num_experts", "num_local_experts"))
    dense = DenseMlp(config.whole("intermediate_size"))
    moe = MixtureOfExperts(experts, config.whole("num_experts_per_tok"), config.whole("intermediate_size"))
    mixers = [full if chosen else recurrent for chosen in _every(config, "attn_layer")]
    mlps = [moe if chosen and experts > 1 else dense for chosen in _every(config, "expert_layer")]
    return decoder(config, stack(config, mixers, mlps, NORMS))


def _every(config: Config, name: str) -> list[bool]:
    """Whether each layer is one in `…_period`, counted from `…_offset`."""
    period, offset = config.whole(f"{name}_period"), config.whole(f"{name}_offset", least=0)
    if offset >= period:
        raise config.error(f"{name}_offset", f"{offset} is not below {name}_period {period}", "check the file")
    return [index % period == offset for index in range(num_hidden_layers(config))]


FAMILIES = (
    Family("jamba", jamba, {
        "vocab_size": 65536, "tie_word_embeddings": False, "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
        "max_position_embeddings": 262144, "num_experts_per_tok": 2, "num_experts": 16, "expert_layer_period": 2,
        "expert_layer_offset": 1, "attn_layer_period": 8, "attn_layer_offset": 4, "mamba_d_state": 16,
        "mamba_d_conv": 4, "mamba_expand": 2, "mamba_dt_rank": "auto", "mamba_conv_bias": True,
        "mamba_proj_bias": False,
    }),
)  # fmt: skip
