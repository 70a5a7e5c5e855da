"""LFM3: short convolutions beside windows and full attention, whose heads are gated; norms before and behind."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.mlp import DenseMlp
from ..blocks.short_conv import ShortConvolution
from ..model_shape import ModelShape
from ..tensors import Mixer
from .config import Config
from .decoder import attention, decoder, num_hidden_layers, stack
from .family import Family

NORMS = ("operator_norm", "ffn_norm")
SANDWICH_NORMS = (*NORMS, "post_operator_norm", "post_ffn_norm")
KINDS = ("conv", "full_attention", "sliding_attention")


def lfm3(config: Config) -> ModelShape:
    """Liquid AI 2026; transformers modeling_lfm3.py."""
    count = num_hidden_layers(config)
    kinds = config.names("layer_types", count, KINDS) or tuple(
        "full_attention" if i % 4 == 2 else "sliding_attention" if i % 4 == 0 and i > 0 else "conv"
        for i in range(count)
    )
    full = attention(config, bias=config.flag("attention_bias"), qk_norm="head")
    full = replace(full, gate_width=full.num_attention_heads if config.flag("use_attention_gate") else 0)
    mixers: dict[str, Mixer] = {
        "full_attention": full,
        "sliding_attention": replace(full, window=config.optional("sliding_window")),
        "conv": ShortConvolution(config.whole("hidden_size"), config.whole("conv_L_cache"), config.flag("conv_bias")),
    }
    norms = SANDWICH_NORMS if config.flag("use_sandwich_norm") else NORMS
    mlp = DenseMlp(config.whole("intermediate_size"))
    return decoder(config, stack(config, [mixers[kind] for kind in kinds], mlp, norms))


FAMILIES = (
    Family("lfm3", lfm3, {
        "vocab_size": 128000, "hidden_size": 2048, "intermediate_size": 7680, "num_hidden_layers": 24,
        "num_attention_heads": 16, "num_key_value_heads": 4, "head_dim": 128, "max_position_embeddings": 128000,
        "tie_word_embeddings": True, "conv_L_cache": 7, "sliding_window": 256, "use_sandwich_norm": True,
        "use_attention_gate": True,
    }),
)  # fmt: skip
