"""GLM-4: biases on queries, keys and values, half of each head rotated; GLM-4.5 adds experts."""

from __future__ import annotations

from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, mixture, num_hidden_layers, routed, stack
from .family import Family
from .llama import NORMS


def glm(config: Config) -> ModelShape:
    """GLM Team 2024, arXiv:2406.12793; transformers modeling_glm.py: two norms, fused gate and up."""
    mixer = attention(config, qkv_bias=config.flag("attention_bias"))
    return decoder(config, stack(config, mixer, DenseMlp(config.whole("intermediate_size"), fused=True), NORMS))


def glm4(config: Config) -> ModelShape:
    """GLM Team 2024, arXiv:2406.12793; transformers modeling_glm4.py: norms before and behind, fused gate and up."""
    mixer = attention(config, qkv_bias=config.flag("attention_bias"))
    mlp = DenseMlp(config.whole("intermediate_size"), fused=True)
    return decoder(config, stack(config, mixer, mlp, (*NORMS, "post_self_attn_layernorm", "post_mlp_layernorm")))


def glm4_moe(config: Config) -> ModelShape:
    """GLM Team 2025, arXiv:2508.06471; transformers modeling_glm4_moe.py: dense first layers, then routed and shared."""
    config.ignore("num_nextn_predict_layers", "num_mtp_layers")  # known, and not loaded
    qk_norm = "head" if config.flag("use_qk_norm") else ""
    mixer = attention(config, qkv_bias=config.flag("attention_bias"), qk_norm=qk_norm)
    shared = config.whole("n_shared_experts")
    moe = mixture(config, "n_routed_experts", "num_local_experts", shared=shared, correction_bias=True)
    first, count = config.whole("first_k_dense_replace", least=0), num_hidden_layers(config)
    return decoder(config, stack(config, mixer, routed(config, moe, (i >= first for i in range(count))), NORMS))


_GLM4 = {
    "vocab_size": 151552, "hidden_size": 4096, "intermediate_size": 13696, "num_hidden_layers": 40,
    "num_attention_heads": 32, "num_key_value_heads": 2, "max_position_embeddings": 131072,
    "tie_word_embeddings": False, "partial_rotary_factor": 0.5,
}  # fmt: skip


def chatglm(config: Config) -> ModelShape:
    """GLM Team 2024, arXiv:2406.12793; modeling_chatglm.py beside the checkpoints: GLM-4 under other names, all fused."""
    for key in ("rmsnorm", "multi_query_attention", "post_layer_norm"):
        config.must_be(key, True)
    config.must_be("add_bias_linear", False)
    config.must_be("pre_seq_len", None)
    config.must_be("quantization_bit", 0)
    config = config.renamed(
        num_hidden_layers="num_layers", intermediate_size="ffn_hidden_size", vocab_size="padded_vocab_size",
        max_position_embeddings="seq_length", num_key_value_heads="multi_query_group_num", head_dim="kv_channels",
    )  # fmt: skip
    mixer = attention(config, qkv_bias=config.flag("add_qkv_bias"), fused=True)
    return decoder(config, stack(config, mixer, DenseMlp(config.whole("intermediate_size"), fused=True), NORMS))


FAMILIES = (
    Family("chatglm", chatglm, {"tie_word_embeddings": False, "partial_rotary_factor": 0.5}),
    Family("glm", glm, _GLM4 | {"head_dim": 128, "attention_bias": True}),
    Family("glm4", glm4, _GLM4 | {"head_dim": 128, "attention_bias": True}),
    Family("glm4_moe", glm4_moe, _GLM4 | {
        "intermediate_size": 10944, "num_hidden_layers": 46, "num_attention_heads": 96, "num_key_value_heads": 8,
        "moe_intermediate_size": 1408, "num_experts_per_tok": 8, "n_shared_experts": 1, "n_routed_experts": 128,
        "first_k_dense_replace": 1,
    }),
)  # fmt: skip
