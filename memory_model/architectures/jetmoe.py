"""JetMoE and Doge: Llama's layers with experts inside attention, and with masks that are learned."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import isqrt

from ..blocks.expert_attention import ExpertAttention
from ..blocks.mlp import DenseMlp, MixtureOfExperts
from ..model_shape import ModelShape
from ..tensors import Tensor
from .config import Config
from .decoder import attention, decoder, stack, with_tensors
from .family import Family
from .llama import LLAMA, NORMS


def jetmoe(config: Config) -> ModelShape:
    """Shen et al. 2024, arXiv:2404.07413; transformers modeling_jetmoe.py."""
    experts, chosen = config.wholes("num_local_experts", "num_experts_per_tok")
    kv_heads = config.whole("num_key_value_heads")
    head_dim = config.whole(config.spelled("kv_channels", "head_dim"))
    config.must_be("num_attention_heads", None, kv_heads * chosen)
    if chosen > experts:
        raise config.error("num_experts_per_tok", f"{chosen} of {experts} experts", "check the file")
    mixer = ExpertAttention(
        kv_heads * chosen, kv_heads, head_dim, head_dim, head_dim, num_experts=experts, num_experts_per_tok=chosen
    )
    mlp = MixtureOfExperts(experts, chosen, config.whole("intermediate_size"))
    bias = Tensor("mlp.bias", config.whole("hidden_size"), part="mlp")
    return decoder(config, with_tensors(stack(config, mixer, mlp, NORMS), bias))


def doge(config: Config) -> ModelShape:
    """Shi et al. 2024, arXiv:2412.11834; transformers modeling_doge.py: values decide how far each head looks."""
    config.ignore("keep_window_size")
    bias, hidden_size = config.flag("attention_bias"), config.whole("hidden_size")
    mixer = attention(config, bias=bias, qk_norm="head", window=config.optional("sliding_window"), head_dim=None)
    mlp = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"))
    beside = [
        Tensor("A", mixer.num_key_value_heads, part="attention"),
        Tensor("dt_proj", mixer.num_key_value_heads, mixer.value_width, part="attention"),
        Tensor("input_residual", hidden_size, part="norms"),
        Tensor("post_attention_residual", hidden_size, part="norms"),
    ]
    if bias:
        beside.append(Tensor("dt_proj.bias", mixer.num_key_value_heads, part="attention"))
    if config.flag("is_moe"):
        experts, chosen = config.wholes("num_experts", "num_experts_per_tok")
        active = Fraction(min(chosen, experts), experts)
        beside.append(Tensor("router", 2 * isqrt(experts), hidden_size, part="router"))
        beside += [
            Tensor(role, experts, hidden_size, part="experts", active=active) for role in ("down_embed", "up_embed")
        ]
    else:
        config.ignore("num_experts", "num_experts_per_tok")
    shape = decoder(config, with_tensors(stack(config, mixer, mlp, NORMS), *beside))
    return replace(shape, modeling="doge, experts looked up") if config.flag("is_moe") else shape


FAMILIES = (
    Family("jetmoe", jetmoe, {
        "vocab_size": 32000, "hidden_size": 2048, "num_hidden_layers": 12, "num_key_value_heads": 16,
        "kv_channels": 128, "intermediate_size": 5632, "max_position_embeddings": 4096, "num_local_experts": 8,
        "num_experts_per_tok": 2, "tie_word_embeddings": True,
    }),
    Family("doge", doge, LLAMA | {
        "vocab_size": 32768, "hidden_size": 1024, "intermediate_size": 2048, "num_attention_heads": 8,
        "num_experts": 16384, "num_experts_per_tok": 64,
    }),
)  # fmt: skip
