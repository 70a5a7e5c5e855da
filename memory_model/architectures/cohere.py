"""Command R, Command A and its mixture of experts: attention and MLP side by side behind one LayerNorm without bias, tied embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from .config import Config
from .decoder import (
    ATTENTION_KINDS,
    attention,
    decoder,
    layer_types,
    mixture,
    num_hidden_layers,
    sparse_layers,
    stack,
    windowed,
)
from .family import Family

NORMS = ("input_layernorm",)


def cohere(config: Config) -> ModelShape:
    """Cohere 2024; transformers modeling_cohere.py. `use_qk_norm` (Command R+) norms all queries and keys at once."""
    qk_norm = "full" if config.flag("use_qk_norm") else ""
    mixer = attention(config, bias=config.flag("attention_bias"), qk_norm=qk_norm)
    return decoder(config, stack(config, mixer, DenseMlp(config.whole("intermediate_size")), NORMS))


def cohere2(config: Config) -> ModelShape:
    """Cohere 2025, arXiv:2504.00698; transformers modeling_cohere2.py: three sliding layers to one full."""
    config.must_be("use_qk_norm", False)
    config.must_be("use_parallel_block", True)
    config.must_be("use_parallel_embedding", False)
    config.must_be("position_embedding_type", "rope_gptj")
    config.ignore("layer_switch", "_sliding_window_pattern", "order_of_interleaved_layers", "rotary_pct")
    config.ignore("use_gated_activation", "logit_scale")
    pattern = config.whole("sliding_window_pattern", 4)
    kinds = layer_types(config, lambda i: (i + 1) % pattern != 0)
    full = attention(config, bias=config.flag("attention_bias"))
    mixers = windowed(full, config.optional("sliding_window"), kinds)
    return decoder(config, stack(config, mixers, DenseMlp(config.whole("intermediate_size")), NORMS))


def cohere_compass_text(config: Config) -> ModelShape:
    """Cohere 2026; transformers modeling_cohere_compass.py: kinds of layers with rotations of their own, or with none."""
    config.must_be("pooling", None)
    rope = config.raw("rope_parameters")
    unrotated = {kind for kind, how in rope.items() if how is None} if isinstance(rope, Mapping) else ()
    count = num_hidden_layers(config)
    kinds = config.names("layer_types", count, ATTENTION_KINDS) or ("full_attention",) * count
    full = attention(config, bias=config.flag("attention_bias"))
    mixers = [
        replace(mixer, rotary_dim=0) if kind in unrotated else mixer
        for kind, mixer in zip(kinds, windowed(full, config.optional("sliding_window"), kinds), strict=True)
    ]
    return decoder(config, stack(config, mixers, DenseMlp(config.whole("intermediate_size")), NORMS))


def cohere2_moe(config: Config) -> ModelShape:
    """Cohere 2026; transformers modeling_cohere2_moe.py: experts beside the attention, dense layers before them.

    Only layers with a window are rotated, and dense ones where `prefix_dense_sliding_window_pattern` is 1.
    """
    for key, value in (("use_qk_norm", False), ("use_parallel_block", True), ("use_parallel_embedding", False)):
        config.must_be(key, value)
    config.ignore("logit_scale", "rms_norm_eps", "layer_switch", "order_of_interleaved_layers", "use_gated_activation")
    config.text("expert_selection_fn", choices=("softmax", "sigmoid"))
    config.text("shared_expert_combination_strategy", choices=("average", "sum"))
    count, bias = num_hidden_layers(config), config.flag("attention_bias")
    first = config.whole("first_k_dense_replace", 0, least=0)
    dense_pattern, pattern = config.wholes("prefix_dense_sliding_window_pattern", "sliding_window_pattern")
    kinds = layer_types(config, lambda i: (i + 1) % dense_pattern != 0 if i < first else (i - first + 1) % pattern != 0)
    sparse = sparse_layers(config, lambda i: i >= first)
    shared = config.whole("num_shared_experts", 0, least=0)
    moe = mixture(config, "num_experts", width="intermediate_size", shared=shared)
    dense = DenseMlp(config.whole("prefix_dense_intermediate_size", config.whole("intermediate_size")))
    full = attention(config, bias=bias)
    window = config.optional("sliding_window")
    mixers = []
    for i in range(count):
        slides = kinds[i] == "sliding_attention" and window is not None
        rotates = slides or (not sparse[i] and dense_pattern == 1)
        mixers.append(replace(full, window=window if slides else None, rotary_dim=full.rotary_dim if rotates else 0))
    return decoder(config, stack(config, mixers, [moe if routed else dense for routed in sparse], NORMS))


_COHERE = {
    "vocab_size": 256000, "hidden_size": 8192, "intermediate_size": 22528, "num_hidden_layers": 40,
    "num_attention_heads": 64, "max_position_embeddings": 8192, "tie_word_embeddings": True,
}  # fmt: skip
COHERE2 = _COHERE | {"sliding_window": 4096}

FAMILIES = (
    Family("cohere", cohere, _COHERE),
    Family("cohere2", cohere2, COHERE2),
    Family("cohere_compass_text", cohere_compass_text, COHERE2),
    Family("cohere2_moe", cohere2_moe, _COHERE | {
        "head_dim": 128, "sliding_window": 4096, "sliding_window_pattern": 4, "num_experts": 8,
        "num_experts_per_tok": 2, "prefix_dense_sliding_window_pattern": 1,
    }),
)  # fmt: skip
