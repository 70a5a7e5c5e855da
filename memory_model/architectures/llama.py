"""Llama and the families that follow its layout: two RMSNorms, gated MLP, rotary positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..blocks.mlp import DenseMlp, MixtureOfExperts
from ..model_shape import ModelShape
from ..tensors import Mlp
from .config import Config
from .decoder import attention, decoder, layer_types, mixture, num_hidden_layers, routed, stack, windowed
from .family import Family

NORMS = ("input_layernorm", "post_attention_layernorm")
POST_NORMS = ("post_attention_layernorm", "post_feedforward_layernorm")


def llama(config: Config) -> ModelShape:
    """Touvron et al. 2023, arXiv:2307.09288; transformers modeling_llama.py."""
    mixer = attention(config, bias=config.flag("attention_bias"))
    mlp = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"))
    return decoder(config, stack(config, mixer, mlp, NORMS))


def mistral(config: Config) -> ModelShape:
    """Jiang et al. 2023, arXiv:2310.06825: a window in every layer, or in none."""
    mixer = attention(config, window=config.optional("sliding_window"))
    mlp = DenseMlp(config.whole("intermediate_size"))
    return decoder(config, stack(config, mixer, mlp, NORMS))


def mixtral(config: Config) -> ModelShape:
    """Jiang et al. 2024, arXiv:2401.04088: every MLP is a mixture of experts of `intermediate_size`."""
    mixer = attention(config, window=config.optional("sliding_window"))
    mlp = mixture(config, "num_local_experts", width="intermediate_size")
    return decoder(config, stack(config, mixer, mlp, NORMS))


def qwen2(config: Config) -> ModelShape:
    """Qwen Team 2024, arXiv:2412.15115: biases on queries, keys and values."""
    return _qwen(config, qkv_bias=True, o_bias=False, qk_norm="")


def qwen3(config: Config) -> ModelShape:
    """Qwen Team 2025, arXiv:2505.09388: a norm on every query and key head."""
    return _qwen(config, bias=config.flag("attention_bias"), qk_norm="head")


def _optional_window(config: Config) -> int | None:
    """Qwen's files state a `sliding_window` that counts only where `use_sliding_window` is true."""
    window = config.optional("sliding_window")
    return window if config.flag("use_sliding_window") else None


def _qwen(config: Config, **traits: Any) -> ModelShape:
    """Layers from `max_window_layers` on slide, if `use_sliding_window` says so at all."""
    window = _optional_window(config)
    first = config.whole("max_window_layers", least=0) if window else 0
    kinds = layer_types(config, lambda i: window is not None and i >= first)
    mixers = windowed(attention(config, **traits), window, kinds)
    return decoder(config, stack(config, mixers, DenseMlp(config.whole("intermediate_size")), NORMS))


def qwen3_moe(config: Config) -> ModelShape:
    """Qwen Team 2025, arXiv:2505.09388: experts in every `decoder_sparse_step`-th layer but `mlp_only_layers`."""
    window = _optional_window(config)
    mixer = attention(config, window=window, bias=config.flag("attention_bias"), qk_norm="head")
    experts = config.whole("num_experts" if "num_experts" in config.keys else "num_local_experts", least=0)
    moe = MixtureOfExperts(experts, config.whole("num_experts_per_tok"), config.whole("moe_intermediate_size"))
    return decoder(config, stack(config, mixer, every_step(config, moe, config.whole_list("mlp_only_layers")), NORMS))


def every_step(config: Config, moe: MixtureOfExperts, dense_layers: Sequence[int]) -> list[Mlp]:
    """Experts, if there are any, in every `decoder_sparse_step`-th layer that is not dense."""
    count, step = num_hidden_layers(config), config.whole("decoder_sparse_step")
    return routed(
        config, moe, (moe.num_experts > 0 and i not in dense_layers and (i + 1) % step == 0 for i in range(count))
    )


def olmo2(config: Config) -> ModelShape:
    """OLMo Team 2025, arXiv:2501.00656: norms after attention and MLP, and over all queries and keys."""
    mixer = attention(config, bias=config.flag("attention_bias"), qk_norm="full")
    mlp = DenseMlp(config.whole("intermediate_size"))
    return decoder(config, stack(config, mixer, mlp, POST_NORMS))


def phi3(config: Config) -> ModelShape:
    """Abdin et al. 2024, arXiv:2404.14219: fused projections, a window in every layer when set."""
    mixer = attention(config, window=config.optional("sliding_window"), fused=True)
    mlp = DenseMlp(config.whole("intermediate_size"), fused=True)
    return decoder(config, stack(config, mixer, mlp, NORMS))


LLAMA = {
    "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
    "num_attention_heads": 32, "max_position_embeddings": 2048, "tie_word_embeddings": False,
}  # fmt: skip
_MISTRAL = LLAMA | {
    "intermediate_size": 14336, "num_key_value_heads": 8, "max_position_embeddings": 131072, "sliding_window": 4096,
}  # fmt: skip
_QWEN2 = LLAMA | {
    "vocab_size": 151936, "intermediate_size": 22016, "num_key_value_heads": 32, "max_position_embeddings": 32768,
    "use_sliding_window": False, "sliding_window": 4096, "max_window_layers": 28,
}  # fmt: skip

FAMILIES = (
    Family("llama", llama, LLAMA),
    Family("mistral", mistral, _MISTRAL),
    Family("mixtral", mixtral, _MISTRAL | {"sliding_window": None, "num_local_experts": 8, "num_experts_per_tok": 2}),
    Family("qwen2", qwen2, _QWEN2),
    Family("qwen3", qwen3, _QWEN2 | {"head_dim": 128}),
    Family("qwen3_moe", qwen3_moe, _QWEN2 | {
        "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 24, "num_key_value_heads": 4,
        "decoder_sparse_step": 1, "moe_intermediate_size": 768, "num_experts_per_tok": 8, "num_local_experts": 128,
    }),
    Family("olmo2", olmo2, LLAMA | {"vocab_size": 50304}),
    Family("phi3", phi3, LLAMA | {
        "vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192, "max_position_embeddings": 4096,
    }),
)  # fmt: skip
