"""DeepSeek's routed and shared experts over grouped-query attention: dots.llm1, Solar Open, K-EXAONE, Hunyuan 3."""

from __future__ import annotations

from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, layer_types, mixture, routed, sparse_layers, stack, windowed
from .family import Family
from .llama import NORMS
from .post_norms import every_nth_is_full


def dots1(config: Config) -> ModelShape:
    """rednote-hilab 2025, arXiv:2506.05767; transformers modeling_dots1.py: a norm on every query and key head."""
    config.must_be("moe_layer_freq", 1)
    bias = config.flag("attention_bias")
    window, first = config.optional("sliding_window"), config.whole("max_window_layers", least=0)
    kinds = layer_types(config, lambda i: window is not None and i >= first)
    mixers = windowed(attention(config, bias=bias, qk_norm="head"), window, kinds)
    shared = config.whole("n_shared_experts")
    moe = mixture(config, "n_routed_experts", "num_local_experts", shared=shared, correction_bias=True)
    first_sparse = config.whole("first_k_dense_replace", least=0)
    mlps = routed(config, moe, (i >= first_sparse for i in range(len(kinds))))
    return decoder(config, stack(config, mixers, mlps, NORMS))


def solar_open(config: Config) -> ModelShape:
    """Upstage 2025; transformers modeling_solar_open.py: experts in every layer, no norm on queries and keys."""
    config.must_be("use_qk_norm", False)
    config.must_be("first_k_dense_replace", 0)
    config.must_be("partial_rotary_factor", 1.0)
    config.ignore("intermediate_size", "num_nextn_predict_layers")
    mixer = attention(config, qkv_bias=config.flag("attention_bias"))
    shared = config.whole("n_shared_experts")
    moe = mixture(config, "n_routed_experts", "num_local_experts", shared=shared, correction_bias=True)
    return decoder(config, stack(config, mixer, moe, NORMS))


def exaone_moe(config: Config) -> ModelShape:
    """LG AI Research 2025; transformers modeling_exaone_moe.py: EXAONE 4's attention, norms before instead of behind."""
    config.must_be("first_last_k_dense_replace", 1)
    config.ignore("num_nextn_predict_layers", "num_mtp_layers", "reuse_mtp_layers")  # known, and not loaded
    config.ignore("sliding_window_pattern")
    window = config.optional("sliding_window")
    kinds = layer_types(config, lambda i: window is not None and every_nth_is_full(config, i))
    first = config.whole("first_k_dense_replace", least=0)
    sparse = sparse_layers(config, lambda i: i >= first)
    if config.raw("is_moe_layer") not in (None, sparse):  # transformers reads the other keys
        raise config.error(
            "is_moe_layer", "says otherwise than first_k_dense_replace or mlp_layer_types", "check the file"
        )
    mixers = windowed(attention(config, qk_norm="head"), window, kinds)
    shared = config.whole("num_shared_experts")
    moe = mixture(config, "num_experts", "num_local_experts", shared=shared, correction_bias=True)
    return decoder(config, stack(config, mixers, routed(config, moe, sparse), NORMS))


def hy_v3(config: Config) -> ModelShape:
    """Tencent 2026; transformers modeling_hy_v3.py: routed and shared outputs are summed in float32."""
    config.must_be("qk_norm", True)
    config.must_be("mlp_bias", False)
    config.ignore("num_nextn_predict_layers", "num_mtp_layers", "enable_moe_fp32_combine")
    mixer = attention(config, bias=config.flag("attention_bias"), qk_norm="head")
    sparse = all_but_the_first(config)
    shared = config.whole("num_shared_experts")
    moe = mixture(config, "num_experts", "num_local_experts", shared=shared, correction_bias=True)
    config.must_be("expert_hidden_dim", moe.moe_intermediate_size)
    return decoder(config, stack(config, mixer, routed(config, moe, sparse), NORMS))


def all_but_the_first(config: Config) -> list[bool]:
    """The layers with experts: `mlp_layer_types`, else every one but the first, where nothing else is stated."""
    if config.raw("mlp_layer_types") is None:
        config.must_be("first_k_dense_replace", 1)
    config.ignore("first_k_dense_replace")
    return sparse_layers(config, lambda i: i > 0)


FAMILIES = (
    Family("dots1", dots1, {
        "vocab_size": 152064, "hidden_size": 4608, "intermediate_size": 10944, "moe_intermediate_size": 1408,
        "num_hidden_layers": 62, "num_attention_heads": 32, "num_key_value_heads": 32, "first_k_dense_replace": 0,
        "max_position_embeddings": 2048, "tie_word_embeddings": False, "sliding_window": 4096,
        "max_window_layers": 62,
    }),
    Family("solar_open", solar_open, {
        "vocab_size": 196608, "hidden_size": 4096, "moe_intermediate_size": 1280, "num_hidden_layers": 48,
        "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 131072,
        "tie_word_embeddings": False, "num_experts_per_tok": 8, "n_shared_experts": 1, "n_routed_experts": 128,
    }),
    Family("exaone_moe", exaone_moe, {
        "vocab_size": 102400, "hidden_size": 4096, "intermediate_size": 16384, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 2048,
        "tie_word_embeddings": False, "sliding_window": 4096, "sliding_window_pattern": 4, "first_k_dense_replace": 1,
        "moe_intermediate_size": 1024, "num_experts": 64, "num_experts_per_tok": 8, "num_shared_experts": 1,
    }),
    Family("hy_v3", hy_v3, {
        "vocab_size": 120832, "hidden_size": 4096, "intermediate_size": 13312, "num_hidden_layers": 80,
        "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 131072,
        "tie_word_embeddings": False, "num_experts": 192, "num_experts_per_tok": 8, "num_shared_experts": 1,
        "moe_intermediate_size": 1536,
    }),
)  # fmt: skip
