"""Ring and Ling with Kimi Delta Attention in five of six layers, gated latent attention in the others."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.kimi_delta import KimiDeltaAttention
from ..model_shape import ModelShape
from ..tensors import Mixer
from .config import Config
from .decoder import decoder, mixture, num_hidden_layers, routed, sparse_layers, stack
from .deepseek import latent_attention
from .family import Family
from .hybrid import block_kinds
from .llama import NORMS


def bailing_hybrid(config: Config) -> ModelShape:
    """Inclusion AI 2026; transformers modeling_bailing_hybrid.py: gates of full rank, one gate a head of latent attention.

    `head_dim` is the head size of the linear layers, which transformers saves as `linear_head_dim` and overwrites with
    that of the rotated part. Multi-token prediction is not loaded.
    """
    config.must_be("q_lora_rank", None)
    config.ignore(
        "num_mtp_layers",
        "num_nextn_predict_layers",
        "mtp_loss_scaling_factor",
        "qk_head_dim",
    )
    config.ignore("kda_safe_gate", "kda_lower_bound", "moe_renormalize", "num_expert_group")
    count, every = num_hidden_layers(config), config.whole("layer_group_size")
    stated = block_kinds(config, count, "layer_types")
    kinds = stated or tuple("linear_attention" if (i + 1) % every else "full_attention" for i in range(count))
    heads = config.optional("linear_num_heads") or config.whole("num_attention_heads")
    head_dim = config.optional("linear_head_dim") or config.whole("head_dim")
    config.ignore("head_dim", "short_conv_kernel_size")
    recurrent: Mixer = KimiDeltaAttention(
        heads,
        head_dim,
        config.optional("linear_conv_kernel_dim") or config.whole("short_conv_kernel_size"),
        full_rank_gate=True,
        full_rank_forget=True,
        float32_taps=True,
    )
    full: Mixer = replace(latent_attention(config), gates_heads=True)
    first = config.whole("first_k_dense_replace", least=0)
    sparse = sparse_layers(config, lambda i: i >= first)
    shared = config.whole(config.spelled("num_shared_experts", "n_shared_experts"))
    chosen = config.whole(config.spelled("num_experts_per_token", "num_experts_per_tok"))
    counted = "num_experts", "num_local_experts"
    moe = mixture(config, *counted, shared=shared, num_experts_per_tok=chosen, correction_bias=True)
    mixers = [full if kind == "full_attention" else recurrent for kind in kinds]
    layers = stack(config, mixers, routed(config, moe, sparse), NORMS)
    longest = config.whole(config.spelled("model_max_length", "max_position_embeddings"))
    return decoder(config.changed(tie_word_embeddings=False), layers, max_position_embeddings=longest)


FAMILIES = (
    Family("bailing_hybrid", bailing_hybrid, {
        "vocab_size": 157184, "hidden_size": 2560, "intermediate_size": 6144, "moe_intermediate_size": 768,
        "num_hidden_layers": 42, "num_attention_heads": 32, "num_key_value_heads": 32, "num_shared_experts": 1,
        "kv_lora_rank": 512, "qk_rope_head_dim": 64, "v_head_dim": 128, "qk_nope_head_dim": 128,
        "num_experts_per_token": 8, "num_experts_per_tok": 8, "first_k_dense_replace": 2, "model_max_length": 262144,
        "tie_word_embeddings": False, "num_experts": 512, "head_dim": 128, "short_conv_kernel_size": 4,
        "layer_group_size": 6,
    }),
)  # fmt: skip
