"""DeepSeek MoE, V2 and V3 (R1, Kimi K2): dense first layers, then routed and shared experts; since V2 latent attention."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.latent_attention import LatentAttention
from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from ..tensors import Mixer
from .config import Config
from .decoder import attention, decoder, mixture, num_hidden_layers, stack
from .family import Family
from .llama import NORMS


def latent_attention(config: Config) -> LatentAttention:
    """DeepSeek-AI 2024, arXiv:2405.04434 §2.1."""
    config.optional("num_key_value_heads")
    return LatentAttention(
        config.whole("num_attention_heads"),
        config.optional("q_lora_rank"),
        config.whole("kv_lora_rank"),
        config.whole("qk_nope_head_dim"),
        config.whole("qk_rope_head_dim", least=0),
        config.whole("v_head_dim"),
        config.flag("attention_bias"),
    )


def deepseek(config: Config, mixer: Mixer, *, correction_bias: bool = False) -> ModelShape:
    """The first `first_k_dense_replace` layers have a dense MLP, the others experts."""
    config.must_be("moe_layer_freq", 1)
    config.optional("num_nextn_predict_layers", least=0)  # known, and not loaded (transformers modeling_deepseek_v3.py)
    config.optional("head_dim")
    config.optional("qk_head_dim")
    shared = config.optional("n_shared_experts", least=0) or 0
    moe = mixture(config, "n_routed_experts", shared=shared, correction_bias=correction_bias)
    dense = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"))
    first, count = config.whole("first_k_dense_replace", least=0), num_hidden_layers(config)
    return decoder(config, stack(config, mixer, [moe if i >= first else dense for i in range(count)], NORMS))


def deepseek_moe(config: Config) -> ModelShape:
    """Dai et al. 2024, arXiv:2401.06066; modeling_deepseek.py beside the checkpoints: heads as Llama's."""
    return deepseek(config, attention(config, bias=config.flag("attention_bias")))


def deepseek_v2(config: Config) -> ModelShape:
    """DeepSeek-AI 2024, arXiv:2405.04434."""
    return deepseek(config, latent_attention(config))


def deepseek_v3(config: Config) -> ModelShape:
    """DeepSeek-AI 2024, arXiv:2412.19437: a balancing offset per expert; multi-token prediction is not loaded."""
    return deepseek(config, latent_attention(config), correction_bias=True)


def kimi_k2(config: Config) -> ModelShape:
    """Kimi Team 2025, arXiv:2507.20534: more experts and fewer heads; it runs DeepSeek-V3's code."""
    return replace(deepseek_v3(config), modeling="deepseek_v3")


DEEPSEEK_V3 = {
    "vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048,
    "num_hidden_layers": 61, "num_attention_heads": 128, "n_shared_experts": 1, "n_routed_experts": 256,
    "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64, "v_head_dim": 128, "qk_nope_head_dim": 128,
    "num_experts_per_tok": 8, "first_k_dense_replace": 3, "max_position_embeddings": 4096,
    "tie_word_embeddings": False, "num_nextn_predict_layers": 1,
}  # fmt: skip

FAMILIES = (
    Family("deepseek", deepseek_moe, {"tie_word_embeddings": False}),
    Family("deepseek_v2", deepseek_v2, {
        "vocab_size": 102400, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "max_position_embeddings": 2048, "first_k_dense_replace": 0, "kv_lora_rank": 512,
        "q_lora_rank": 1536, "n_routed_experts": 64, "n_shared_experts": 2, "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64, "v_head_dim": 128, "moe_intermediate_size": 1407, "tie_word_embeddings": False,
    }),
    Family("deepseek_v3", deepseek_v3, DEEPSEEK_V3),
    Family("kimi_k2", kimi_k2, DEEPSEEK_V3),
)  # fmt: skip
