"""Mixtures of experts on Llama's or Olmo's layout: OLMoE, Granite MoE, Phi-3.5-MoE, Qwen1.5-MoE and Qwen2-MoE, MiniMax-M2."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.mlp import MixtureOfExperts
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, layer_types, mixture, stack, windowed
from .family import Family
from .llama import LLAMA, NORMS, POST_NORMS, every_step


def olmoe(config: Config) -> ModelShape:
    """Muennighoff et al. 2024, arXiv:2409.02060; transformers modeling_olmoe.py: norms over all queries and keys."""
    mixer = attention(config, bias=config.flag("attention_bias"), qk_norm="full")
    moe = mixture(config, "num_experts", "num_local_experts", width="intermediate_size")
    return decoder(config, stack(config, mixer, moe, NORMS))


def flex_olmo(config: Config) -> ModelShape:
    """Shi et al. 2025, arXiv:2507.07024; transformers modeling_flex_olmo.py: OLMo 2's layers with OLMoE's experts."""
    mixer = attention(config, bias=config.flag("attention_bias"), qk_norm="full")
    moe = mixture(config, "num_experts", "num_local_experts", width="intermediate_size")
    return decoder(config, stack(config, mixer, moe, POST_NORMS))


def granitemoe(config: Config) -> ModelShape:
    """IBM 2024; transformers modeling_granitemoe.py."""
    mixer = attention(config, bias=config.flag("attention_bias"))
    moe = mixture(config, "num_local_experts", "num_experts", width="intermediate_size")
    return decoder(config, stack(config, mixer, moe, NORMS))


def phimoe(config: Config) -> ModelShape:
    """Abdin et al. 2024, arXiv:2404.14219; transformers modeling_phimoe.py: LayerNorms, biases on attention and output."""
    bias = config.flag("attention_bias")
    mixer = attention(config, window=config.optional("sliding_window"), bias=bias)
    moe = mixture(config, "num_local_experts", width="intermediate_size", num_experts_per_tok=2)  # always
    layers = stack(config, mixer, moe, NORMS, bias=True)
    return decoder(config, layers, norm_bias=True, head_bias=config.flag("lm_head_bias"))


def qwen2_moe(config: Config) -> ModelShape:
    """Qwen Team 2024, arXiv:2407.10671 §2.2.2; transformers modeling_qwen2_moe.py: a gated shared expert."""
    slides = config.flag("use_sliding_window")
    window = config.optional("sliding_window", least=0) if slides else None
    config.ignore("sliding_window")
    last = config.whole("max_window_layers", least=0)
    kinds = layer_types(config, lambda i: slides and i % 2 == 0 and i < last)
    mixers = windowed(attention(config, qkv_bias=config.flag("qkv_bias")), window or None, kinds)
    moe = MixtureOfExperts(
        config.whole("num_experts", least=0),
        config.whole("num_experts_per_tok"),
        config.whole("moe_intermediate_size"),
        shared_intermediate_size=config.whole("shared_expert_intermediate_size"),
        shared_gate=True,
    )
    return decoder(config, stack(config, mixers, every_step(config, moe, config.whole_list("mlp_only_layers")), NORMS))


def minimax_m2(config: Config) -> ModelShape:
    """MiniMax 2025; transformers modeling_minimax_m2.py: norms over all queries and keys, a balancing offset."""
    config.must_be("use_qk_norm", True)
    config.must_be("qk_norm_type", "per_layer")
    config.must_be("use_routing_bias", True)
    config.must_be("shared_intermediate_size", 0)
    if set(config.whole_list("attn_type_list")) - {1}:
        raise config.error("attn_type_list", "only 1 (full attention) is understood", "check the file")
    config.ignore("num_mtp_modules", "mtp_transformer_layers", "use_mtp", "shared_moe_mode")  # known, and not loaded
    config.ignore("mlp_intermediate_size")  # of dense layers, which the class does not have
    mixer = attention(config, qk_norm="full")
    mixer = replace(mixer, rotary_dim=config.optional("rotary_dim") or mixer.rotary_dim)
    moe = mixture(config, "num_local_experts", "num_experts", width="intermediate_size", correction_bias=True)
    return decoder(config, stack(config, mixer, moe, NORMS))


_GRANITE = LLAMA | {"num_local_experts": 8, "num_experts_per_tok": 2}

FAMILIES = (
    Family("olmoe", olmoe, {
        "vocab_size": 50304, "hidden_size": 2048, "intermediate_size": 2048, "num_hidden_layers": 16,
        "num_attention_heads": 16, "max_position_embeddings": 4096, "tie_word_embeddings": False, "num_experts": 64,
        "num_experts_per_tok": 8,
    }),
    Family("flex_olmo", flex_olmo, {
        "vocab_size": 100352, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "max_position_embeddings": 4096, "tie_word_embeddings": False, "num_experts": 7,
        "num_experts_per_tok": 5,
    }),
    Family("granitemoe", granitemoe, _GRANITE),
    Family("phimoe", phimoe, _GRANITE | {
        "vocab_size": 32064, "intermediate_size": 6400, "num_key_value_heads": 8, "max_position_embeddings": 131072,
        "num_local_experts": 16,
    }),
    Family("qwen2_moe", qwen2_moe, {
        "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 24,
        "num_attention_heads": 16, "num_key_value_heads": 16, "max_position_embeddings": 32768,
        "tie_word_embeddings": False, "sliding_window": 4096, "max_window_layers": 28, "decoder_sparse_step": 1,
        "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632, "num_experts_per_tok": 4,
        "num_experts": 60, "qkv_bias": True,
    }),
    Family("minimax_m2", minimax_m2, {
        "vocab_size": 200064, "hidden_size": 3072, "intermediate_size": 1536, "num_hidden_layers": 62,
        "num_attention_heads": 48, "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 196608,
        "tie_word_embeddings": False, "num_local_experts": 256, "num_experts_per_tok": 8,
    }),
)  # fmt: skip
