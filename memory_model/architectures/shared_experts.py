"""Mixtures with shared experts and routers of their own: ERNIE 4.5, Hunyuan, MiMo-V2."""

from __future__ import annotations

from ..blocks.mlp import MixtureOfExperts
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, layer_types, mixture, num_hidden_layers, routed, sparse_layers, stack
from .family import Family
from .llama import NORMS


def ernie4_5_moe(config: Config) -> ModelShape:
    """Baidu 2025; transformers modeling_ernie4_5_moe.py: router and balancing offset are float32 parameters."""
    config.must_be("use_bias", False)
    config.ignore(
        "moe_capacity", "moe_gate", "moe_use_aux_free", "moe_norm_min", "num_nextn_predict_layers", "num_mtp_layers"
    )
    count = num_hidden_layers(config)
    first, last = config.whole("moe_layer_start_index", least=0), config.whole("moe_layer_end_index", least=-1)
    step = config.whole("moe_layer_interval")
    last = count - 1 if last == -1 else last
    width = config.whole("moe_intermediate_size")
    moe = MixtureOfExperts(
        config.whole(config.spelled("moe_num_experts", "num_experts")),
        config.whole(config.spelled("moe_k", "num_experts_per_tok")),
        width,
        shared_intermediate_size=width * config.whole("moe_num_shared_experts", 0, least=0),
        correction_bias=True,
        correction_counted=True,
        router_pinned="fp32",
    )
    mlps = routed(config, moe, (first <= i <= last and (i + 1) % step == 0 for i in range(count)))
    return decoder(config, stack(config, attention(config), mlps, NORMS))


def hunyuan_v1_moe(config: Config) -> ModelShape:
    """Tencent 2025; transformers modeling_hunyuan_v1_moe.py: float32 router, one shared MLP of the experts' width.

    Counts may stand as one number or as a list of one a layer; the class takes only lists of equal numbers.
    """
    config.must_be("use_qk_norm", True)
    config.must_be("use_mla", False)
    config.must_be("use_cla", False)
    config.must_be("mlp_bias", False)
    config.must_be("use_mixed_mlp_moe", True)
    config.must_be("moe_layer_num_skipped", 0)
    config.must_be("kv_lora_rank", None)
    config.ignore("attention_head_dim", "cla_share_factor", "org_vocab_size", "dense_list", "num_media_embeds")
    config.ignore("anyres_pooling_size", "q_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
    width = config.whole("intermediate_size")
    if _alike(config, "moe_intermediate_size", width) != width:
        raise config.error("moe_intermediate_size", f"differs from intermediate_size {width}", "check the file")
    if _alike(config, "num_shared_expert", 1) != 1:
        raise config.error("num_shared_expert", "only one shared expert is understood", "check the file")
    experts = _alike(config, config.spelled("num_experts", "num_local_experts"), 1)
    chosen = _alike(config, config.spelled("moe_topk", "num_experts_per_tok"), 1)
    mixer = attention(config, bias=config.flag("attention_bias"), qk_norm="head")
    moe = MixtureOfExperts(experts, chosen, width, shared_intermediate_size=width, router_pinned="fp32")
    return decoder(config, stack(config, mixer, moe, NORMS))


def _alike(config: Config, key: str, otherwise: int) -> int:
    value = config.raw(key)
    if not isinstance(value, list):
        return config.whole(key, otherwise)
    numbers = config.whole_list(key)
    if len(set(numbers)) != 1:
        raise config.error(key, "differs between layers", "only equal layers are understood")
    return numbers[0]


def mimo_v2_flash(config: Config) -> ModelShape:
    """Xiaomi 2025, arXiv:2601.02780; transformers modeling_mimo_v2_flash.py.

    Keys wider than values; sliding layers have twice the KV heads and attention sinks. Windows as transformers has
    them: `sliding_window_size` tokens before the query and the query itself.
    """
    pattern = config.whole_list("hybrid_layer_pattern", num_hidden_layers(config))
    kinds = layer_types(config, lambda i: bool(pattern[i]) if pattern else i != 0 and (i + 1) % 6 != 0)
    before = config.optional("sliding_window_size")
    window = config.optional("sliding_window")
    window = window if before is None else before + 1
    bias = config.flag("attention_bias")
    heads, kv_heads = config.wholes("num_attention_heads", "num_key_value_heads")
    key_width, value_width = config.wholes("head_dim", "v_head_dim")
    config.must_be("swa_num_attention_heads", heads)
    config.must_be("swa_num_key_value_heads", 2 * kv_heads)
    config.must_be("swa_head_dim", key_width)
    config.must_be("swa_v_head_dim", value_width)
    config.must_be("add_swa_attention_sink_bias", True)
    config.must_be("add_full_attention_sink_bias", False)
    config.ignore("attention_chunk_size", "layernorm_epsilon", "num_nextn_predict_layers", "n_shared_experts")
    config.must_be("n_shared_experts", 0)
    full = attention(config, v_head_dim=value_width, qkv_bias=bias)
    sliding = attention(
        config, window=window, v_head_dim=value_width, num_key_value_heads=2 * kv_heads, qkv_bias=bias, sinks=True
    )
    frequency = config.whole_list("moe_layer_freq", len(kinds))
    sparse = sparse_layers(config, lambda i: bool(frequency[i]) if frequency else i > 0)
    moe = mixture(config, "n_routed_experts", "num_local_experts", correction_bias=True)
    mixers = [sliding if kind == "sliding_attention" else full for kind in kinds]
    return decoder(config, stack(config, mixers, routed(config, moe, sparse), NORMS))


FAMILIES = (
    Family("ernie4_5_moe", ernie4_5_moe, {
        "vocab_size": 103424, "hidden_size": 2560, "intermediate_size": 12288, "num_hidden_layers": 28,
        "num_attention_heads": 20, "num_key_value_heads": 4, "max_position_embeddings": 131072,
        "tie_word_embeddings": True, "moe_intermediate_size": 1536, "moe_k": 6, "moe_num_experts": 64,
        "moe_num_shared_experts": 2, "moe_layer_start_index": 1, "moe_layer_end_index": -1, "moe_layer_interval": 1,
    }),
    Family("hunyuan_v1_moe", hunyuan_v1_moe, {
        "vocab_size": 290943, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "max_position_embeddings": 2048, "tie_word_embeddings": False, "num_experts": 1,
        "moe_topk": 1,
    }),
    Family("mimo_v2_flash", mimo_v2_flash, {
        "vocab_size": 152576, "hidden_size": 4096, "intermediate_size": 16384, "num_hidden_layers": 48,
        "num_attention_heads": 64, "num_key_value_heads": 4, "max_position_embeddings": 131072,
        "tie_word_embeddings": False, "moe_intermediate_size": 2048, "num_experts_per_tok": 8,
        "n_routed_experts": 256, "head_dim": 192, "v_head_dim": 128, "sliding_window": 129,
        "partial_rotary_factor": 0.334,
    }),
)  # fmt: skip
