"""Command R, Command A: attention and MLP side by side behind one LayerNorm without bias, tied embeddings."""

from __future__ import annotations

from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from .config import Config
from .decoder import alternating, attention, decoder, layer_types, uniform
from .family import Family

NORMS = ("input_layernorm",)


def cohere(config: Config) -> ModelShape:
    """Cohere 2024; transformers modeling_cohere.py. `use_qk_norm` (Command R+) norms all queries and keys at once."""
    bias = config.flag("attention_bias")
    qk_norm = "full" if config.flag("use_qk_norm") else ""
    mixer = attention(config, qkv_bias=bias, o_bias=bias, qk_norm=qk_norm)
    return decoder(config, uniform(config, mixer, DenseMlp(config.whole("intermediate_size")), NORMS))


def cohere2(config: Config) -> ModelShape:
    """Cohere 2025, arXiv:2504.00698; transformers modeling_cohere2.py: three sliding layers to one full."""
    config.must_be("use_qk_norm", False)
    config.must_be("use_parallel_block", True)
    config.must_be("use_parallel_embedding", False)
    config.must_be("position_embedding_type", "rope_gptj")
    config.ignore(
        "layer_switch",
        "_sliding_window_pattern",
        "order_of_interleaved_layers",
        "rotary_pct",
        "use_gated_activation",
        "logit_scale",
    )
    bias = config.flag("attention_bias")
    pattern = config.whole("sliding_window_pattern", 4)
    kinds = layer_types(config, lambda i: (i + 1) % pattern != 0)
    full = attention(config, qkv_bias=bias, o_bias=bias)
    sliding = attention(config, window=config.optional("sliding_window"), qkv_bias=bias, o_bias=bias)
    mlp = DenseMlp(config.whole("intermediate_size"))
    return decoder(config, alternating(config, full, sliding, kinds, mlp, NORMS))


_COHERE = {
    "vocab_size": 256000, "hidden_size": 8192, "intermediate_size": 22528, "num_hidden_layers": 40,
    "num_attention_heads": 64, "max_position_embeddings": 8192, "tie_word_embeddings": True,
}  # fmt: skip

FAMILIES = (
    Family("cohere", cohere, _COHERE),
    Family("cohere2", cohere2, _COHERE | {"sliding_window": 4096}),
)
