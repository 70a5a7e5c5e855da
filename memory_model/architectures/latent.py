"""Latent attention in other hands: MiniCPM3, Youtu, GLM-4.7-Flash, Mistral Small 4, LongCat-Flash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..blocks.latent_attention import LatentAttention
from ..blocks.mlp import DenseBesideExperts, DenseMlp, MixtureOfExperts
from ..model_shape import ModelShape
from ..tensors import Mixer, Mlp
from .config import Config
from .decoder import decoder, mixture, num_hidden_layers, routed, sparse_layers, stack
from .deepseek import latent_attention
from .family import Family
from .grouped_experts import all_but_the_first
from .llama import NORMS


def minicpm3(config: Config) -> ModelShape:
    """OpenBMB 2024, arXiv:2404.06395; transformers modeling_minicpm3.py: latent attention with dense MLPs."""
    config.ignore("head_dim", "dim_model_base", "scale_depth", "qk_head_dim", "num_key_value_heads")
    mixer = LatentAttention(
        config.whole("num_attention_heads"),
        config.optional("q_lora_rank"),
        config.whole("kv_lora_rank"),
        config.whole("qk_nope_head_dim"),
        config.whole("qk_rope_head_dim"),
        config.whole("v_head_dim", config.whole("hidden_size") // config.whole("num_attention_heads")),
        config.flag("attention_bias"),
    )
    mlp = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"))
    return decoder(config, stack(config, mixer, mlp, NORMS))


def youtu(config: Config) -> ModelShape:
    """Tencent 2025, arXiv:2512.24618; transformers modeling_youtu.py: DeepSeek-V3's attention with dense MLPs."""
    config.ignore("head_dim", "qk_head_dim", "embedding_initializer_range")
    config.must_be("mlp_bias", False)
    return decoder(config, stack(config, latent_attention(config), DenseMlp(config.whole("intermediate_size")), NORMS))


def glm4_moe_lite(config: Config) -> ModelShape:
    """GLM Team 2026; transformers modeling_glm4_moe_lite.py: DeepSeek-V3's layers, the first one dense."""
    return latent_experts(config, latent_attention(config), all_but_the_first(config), correction_bias=True)


def axk1(config: Config) -> ModelShape:
    """SK Telecom 2025; transformers modeling_axk1.py: DeepSeek-V3's layers, a norm behind the experts."""
    plain = config.changed(moe_layer_freq=None)
    shape = latent_experts(plain, latent_attention(config), axk_sparse_layers(config), correction_bias=True)
    groups = tuple(
        replace(group, mlp=replace(group.mlp, output_norm=True)) if isinstance(group.mlp, MixtureOfExperts) else group
        for group in shape.layers
    )
    return replace(shape, layers=groups)


def axk_sparse_layers(config: Config) -> list[bool]:
    """The layers with experts: `mlp_layer_types`, else every `moe_layer_freq`-th behind the first dense ones."""
    if config.raw("mlp_layer_types") is not None:
        return sparse_layers(config, bool)
    first, every = config.whole("first_k_dense_replace", 1, least=0), config.whole("moe_layer_freq", 1)
    return [i >= first and i % every == 0 for i in range(num_hidden_layers(config))]


def mistral4(config: Config) -> ModelShape:
    """Mistral AI 2026; transformers modeling_mistral4.py: latent attention, no balancing offset."""
    count, first = num_hidden_layers(config), config.whole("first_k_dense_replace", least=0)
    sparse = [i >= first for i in range(count)]
    return latent_experts(config, latent_attention(config), sparse, correction_bias=False)


def latent_experts(
    config: Config, mixers: Mixer | Sequence[Mixer], sparse: list[bool], *, correction_bias: bool
) -> ModelShape:
    """A decoder whose sparse layers have a mixture with shared experts, and the others a dense MLP."""
    config.must_be("moe_layer_freq", 1)
    config.must_be("mlp_bias", False)
    config.ignore("num_nextn_predict_layers", "num_mtp_layers")  # known, and not loaded
    config.ignore("head_dim", "qk_head_dim", "moe_router_dtype", "rope_interleave")
    counted = "n_routed_experts", "num_local_experts", "num_experts"
    shared = config.whole("n_shared_experts", 0, least=0)
    moe = mixture(config, *counted, shared=shared, correction_bias=correction_bias)
    return decoder(config, stack(config, mixers, routed(config, moe, sparse), NORMS))


def longcat_flash(config: Config) -> ModelShape:
    """Meituan 2025, arXiv:2509.01322; transformers modeling_longcat_flash.py.

    Every layer is two: attention and a dense MLP each, with experts beside the first. `num_layers` counts the pairs.
    """
    config.must_be("attention_method", "MLA")
    config.must_be("zero_expert_type", "identity")
    config.ignore("num_key_value_heads", "head_dim", "num_nextn_predict_layers", "num_hidden_layers")
    mixer = latent_attention(config)
    config.must_be("qk_head_dim", None, mixer.qk_nope_head_dim + mixer.qk_rope_head_dim)
    dense = DenseMlp(config.whole(config.spelled("ffn_hidden_size", "intermediate_size")))
    experts = MixtureOfExperts(
        config.whole(config.spelled("n_routed_experts", "num_local_experts")),
        config.whole(config.spelled("moe_topk", "num_experts_per_tok")),
        config.whole(config.spelled("expert_ffn_hidden_size", "moe_intermediate_size")),
        router_bias=config.flag("router_bias"),
        correction_bias=True,
        zero_experts=config.whole("zero_expert_num", 0, least=0),
    )
    pairs = num_hidden_layers(config, "num_layers")
    mlps: list[Mlp] = [DenseBesideExperts(dense, experts), dense] * pairs
    return decoder(config, stack(config, [mixer] * (2 * pairs), mlps, NORMS))


_FLASH = {
    "vocab_size": 154880, "hidden_size": 2048, "intermediate_size": 10240, "moe_intermediate_size": 1536,
    "num_hidden_layers": 47, "num_attention_heads": 20, "n_shared_experts": 1, "n_routed_experts": 64,
    "kv_lora_rank": 512, "q_lora_rank": 768, "qk_rope_head_dim": 64, "v_head_dim": 256, "qk_nope_head_dim": 192,
    "num_experts_per_tok": 4, "max_position_embeddings": 202752, "tie_word_embeddings": False,
}  # fmt: skip
MISTRAL4 = _FLASH | {
    "vocab_size": 131072, "hidden_size": 4096, "intermediate_size": 12288, "moe_intermediate_size": 2048,
    "num_hidden_layers": 36, "num_attention_heads": 32, "n_routed_experts": 128, "kv_lora_rank": 256,
    "q_lora_rank": 1024, "v_head_dim": 128, "qk_nope_head_dim": 64, "first_k_dense_replace": 0,
    "max_position_embeddings": 1048576,
}  # fmt: skip

FAMILIES = (
    Family("minicpm3", minicpm3, {
        "vocab_size": 73448, "hidden_size": 2560, "intermediate_size": 6400, "num_hidden_layers": 62,
        "num_attention_heads": 40, "max_position_embeddings": 32768, "tie_word_embeddings": True, "kv_lora_rank": 256,
        "q_lora_rank": 768, "qk_nope_head_dim": 64, "qk_rope_head_dim": 32,
    }),
    Family("youtu", youtu, {
        "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 32,
        "num_attention_heads": 16, "num_key_value_heads": 16, "kv_lora_rank": 512, "q_lora_rank": 1536,
        "qk_rope_head_dim": 64, "v_head_dim": 128, "qk_nope_head_dim": 128, "max_position_embeddings": 131072,
        "tie_word_embeddings": True,
    }),
    Family("glm4_moe_lite", glm4_moe_lite, _FLASH),
    Family("axk1", axk1, {
        "vocab_size": 163840, "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048,
        "num_hidden_layers": 61, "num_attention_heads": 64, "num_key_value_heads": 64, "n_shared_experts": 1,
        "n_routed_experts": 192, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64, "v_head_dim": 128,
        "qk_nope_head_dim": 128, "num_experts_per_tok": 8, "max_position_embeddings": 32768,
        "tie_word_embeddings": False,
    }),
    Family("mistral4", mistral4, MISTRAL4),
    Family("longcat_flash", longcat_flash, {
        "vocab_size": 131072, "hidden_size": 6144, "num_layers": 28, "num_attention_heads": 64,
        "max_position_embeddings": 131072, "tie_word_embeddings": False, "ffn_hidden_size": 12288,
        "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
        "moe_topk": 12, "n_routed_experts": 512, "zero_expert_num": 256, "expert_ffn_hidden_size": 2048,
    }),
)  # fmt: skip
