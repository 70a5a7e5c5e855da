"""Many small experts chosen by a sigmoid, with windows of 513 tokens: Kolibri and Flint."""

from __future__ import annotations

from ..blocks.mlp import MixtureOfExperts
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, layer_types, mixture, num_hidden_layers, stack, windowed
from .family import Family
from .llama import NORMS, every_step

SANDWICH_NORMS = (*NORMS, "post_self_attn_layernorm", "post_mlp_layernorm")


def kolibri1(config: Config) -> ModelShape:
    """Aleph Alpha 2026; transformers modeling_kolibri1.py: norms before and behind, no rotation without a window."""
    kinds = layer_types(config, lambda i: (i + 1) % 5 != 0)
    window = config.whole("sliding_window") if "sliding_attention" in kinds else None
    config.ignore("sliding_window")
    mixers = windowed(attention(config, qk_norm="head"), window, kinds)
    shared = config.whole("shared_expert_intermediate_size")
    moe = mixture(config, "num_experts", "num_local_experts", shared_intermediate_size=shared, correction_bias=True)
    return decoder(config, stack(config, mixers, moe, SANDWICH_NORMS))


def flint(config: Config) -> ModelShape:
    """transformers modeling_flint.py: sinks in every layer, no rotation without a window, a float32 router."""
    count = num_hidden_layers(config)
    kinds = layer_types(config, lambda i: not (i < 2 or i % 4 == 1 or i == count - 1))
    full = attention(config, bias=config.flag("attention_bias"), qk_norm="head", sinks=True, sinks_stored="fp32")
    mixers = windowed(full, config.whole("sliding_window"), kinds)
    moe = MixtureOfExperts(
        config.whole(config.spelled("num_experts", "num_local_experts"), least=0),
        config.whole("num_experts_per_tok"),
        config.whole("moe_intermediate_size"),
        shared_intermediate_size=config.whole("shared_expert_intermediate_size"),
        router_pinned="fp32",
    )
    dense_layers = config.whole_list("mlp_only_layers") if config.raw("mlp_only_layers") is not None else (0, 1)
    return decoder(config, stack(config, mixers, every_step(config, moe, dense_layers), NORMS))


FAMILIES = (
    Family("kolibri1", kolibri1, {
        "vocab_size": 128000, "hidden_size": 2560, "num_hidden_layers": 50, "num_attention_heads": 48,
        "num_key_value_heads": 4, "head_dim": 128, "max_position_embeddings": 262144, "tie_word_embeddings": False,
        "sliding_window": 513, "moe_intermediate_size": 512, "num_experts_per_tok": 6, "num_experts": 384,
        "shared_expert_intermediate_size": 512,
    }),
    Family("flint", flint, {
        "vocab_size": 150144, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 49,
        "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "max_position_embeddings": 262144,
        "tie_word_embeddings": False, "sliding_window": 513, "decoder_sparse_step": 1, "moe_intermediate_size": 512,
        "shared_expert_intermediate_size": 1024, "num_experts_per_tok": 6, "num_experts": 256,
    }),
)  # fmt: skip
