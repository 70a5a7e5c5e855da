"""DBRX: fused and clipped queries, keys and values, sixteen experts of which four are chosen, LayerNorms without bias."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.mlp import MixtureOfExperts
from ..model_shape import ModelShape
from .config import Config
from .decoder import decoder, multi_head, stack
from .family import Family

NORMS = ("norm_1", "norm_2")
ATTENTION = {"kv_n_heads": 1}
EXPERTS = {"ffn_hidden_size": 3584, "moe_num_experts": 4, "moe_top_k": 1}


def dbrx(config: Config) -> ModelShape:
    """Databricks 2024; transformers modeling_dbrx.py. `attn_config` and `ffn_config` are sections of their own."""
    config = config.renamed(hidden_size="d_model", num_attention_heads="n_heads", num_hidden_layers="n_layers")
    inner = config.section("attn_config", ATTENTION) or Config({}, config.where, ATTENTION)
    inner.ignore("clip_qkv", "attn_pdrop", "rope_theta")
    heads, kv_heads = config.whole("num_attention_heads"), inner.whole("kv_n_heads")
    config.must_be("num_key_value_heads", kv_heads)
    if heads % kv_heads:
        raise inner.error("kv_n_heads", f"{kv_heads} does not divide {heads} query heads", "check the file")
    inner.refuse_unread()
    ffn = config.section("ffn_config", EXPERTS) or Config({}, config.where, EXPERTS)
    ffn.ignore("hidden_size", "moe_jitter_eps", "moe_loss_weight", "moe_normalize_expert_weights")
    ffn.must_be("uniform_expert_assignment", False)
    moe = MixtureOfExperts(ffn.whole("moe_num_experts"), ffn.whole("moe_top_k"), ffn.whole("ffn_hidden_size"))
    ffn.refuse_unread()
    config.must_be("tie_word_embeddings", False)
    mixer = multi_head(config, kv_heads=kv_heads, fused=True)
    mixer = replace(mixer, rotary_dim=mixer.head_dim)
    longest = config.whole(config.spelled("max_seq_len", "max_position_embeddings"))
    return decoder(config, stack(config, mixer, moe, NORMS), max_position_embeddings=longest)


FAMILIES = (
    Family("dbrx", dbrx, {
        "d_model": 2048, "n_heads": 16, "n_layers": 24, "max_seq_len": 2048, "vocab_size": 32000,
        "tie_word_embeddings": False,
    }),
)  # fmt: skip
