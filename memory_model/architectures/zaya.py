"""ZAYA: convolved attention and experts in every layer, a residual stream in float32 that is scaled."""

from __future__ import annotations

from dataclasses import fields, replace

from ..blocks.convolved_attention import ConvolvedAttention, ExpertsPickedByNetwork
from ..model_shape import ModelShape
from ..tensors import Mixer, Mlp, Tensor
from .config import Config
from .decoder import attention, decoder, num_hidden_layers, stack, with_tensors
from .family import Family
from .llama import NORMS

KINDS = ("hybrid", "hybrid_sliding")


def zaya(config: Config) -> ModelShape:
    """Anthony et al. 2025, arXiv:2511.17127; transformers modeling_zaya.py."""
    count, bias = num_hidden_layers(config), config.flag("attention_bias")
    full = attention(config, bias=bias)
    if full.value_width % 2:
        raise config.error("head_dim", f"{full.value_width} values have no halves", "check the file")
    stated = {field.name: getattr(full, field.name) for field in fields(full)}
    config.must_be("num_experts_per_tok", 1)
    first, second = config.wholes("cca_time0", "cca_time1")
    plain = ConvolvedAttention(**stated, depthwise_kernel=first, grouped_kernel=second)
    kinds = config.names("layer_types", count, KINDS) or (KINDS[0],) * count
    window = config.whole("sliding_window") if KINDS[1] in kinds else None
    config.ignore("sliding_window")
    mixers: list[Mixer] = [replace(plain, window=window if kind == KINDS[1] else None) for kind in kinds]
    experts = ExpertsPickedByNetwork(
        config.whole("num_experts"),
        config.whole("num_experts_per_tok"),
        config.whole("moe_intermediate_size"),
        router_hidden_size=config.whole("router_hidden_size"),
    )
    mlps: list[Mlp] = [replace(experts, reads_before=index > 0) for index in range(count)]
    width = config.whole("hidden_size")
    scales = tuple(Tensor(f"{role}_residual_scale", 4 * width, part="norms") for role in ("post_attention", "post_mlp"))
    layers = with_tensors(stack(config, mixers, mlps, NORMS), *scales)
    shape = decoder(config, layers, head_bias=config.flag("lm_head_bias"))
    return replace(shape, head=(*shape.head, Tensor("input_hidden_states_scale", 2 * width, part="norms")))


FAMILIES = (
    Family("zaya", zaya, {
        "vocab_size": 262272, "hidden_size": 2048, "num_hidden_layers": 40, "num_attention_heads": 8,
        "num_key_value_heads": 2, "max_position_embeddings": 131072, "tie_word_embeddings": True, "head_dim": 128,
        "moe_intermediate_size": 2048, "num_experts_per_tok": 1, "num_experts": 16, "router_hidden_size": 256,
        "cca_time0": 2, "cca_time1": 2, "partial_rotary_factor": 0.5,
    }),
)  # fmt: skip
