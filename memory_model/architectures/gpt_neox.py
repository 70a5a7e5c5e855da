"""GPT-NeoX and Pythia: attention and MLP side by side, LayerNorms with bias, a quarter of each head rotated."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, multi_head, num_hidden_layers, stack
from .family import Family
from .llama import NORMS


def gpt_neox(config: Config) -> ModelShape:
    """Black et al. 2022, arXiv:2204.06745; transformers modeling_gpt_neox.py."""
    hidden_size, heads = config.wholes("hidden_size", "num_attention_heads")
    bias = config.flag("attention_bias", otherwise=True)
    config.flag("use_parallel_residual", otherwise=True)
    rotary_dim = int(hidden_size // heads * _rotary_pct(config, 0.25))
    mixer = attention(config, head_dim=hidden_size // heads, bias=bias, fused=True, rotary_dim=rotary_dim)
    mlp = DenseMlp(config.whole("intermediate_size"), gated=False, bias=True)
    layers = stack(config, mixer, mlp, NORMS, bias=True)
    return decoder(config, layers, norm_bias=True)


def gpt_neox_japanese(config: Config) -> ModelShape:
    """ABEJA 2022; transformers modeling_gpt_neox_japanese.py: no bias but that of the last layer's attention output."""
    mixer = multi_head(config, fused=True)
    mixer = replace(mixer, rotary_dim=int(mixer.head_dim * _rotary_pct(config, 1.0)))
    mlp = DenseMlp(config.whole("hidden_size") * config.whole("intermediate_multiple_size"), gated=False)
    mixers = [mixer] * (num_hidden_layers(config) - 1) + [replace(mixer, o_bias=True)]
    layers = stack(config, mixers, mlp, NORMS, bias=True)
    return decoder(config, layers, norm_bias=True)


def _rotary_pct(config: Config, otherwise: float) -> float:
    """The share of each head that is rotated, which these classes do not read under the name that others give it."""
    rope = config.section("rope_parameters")
    stated = config.number("rotary_pct", otherwise)
    return stated if rope is None else rope.number("partial_rotary_factor", stated)


FAMILIES = (
    Family("gpt_neox_japanese", gpt_neox_japanese, {
        "vocab_size": 32000, "hidden_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 32,
        "intermediate_multiple_size": 4, "max_position_embeddings": 2048, "tie_word_embeddings": True,
    }),
    Family("gpt_neox", gpt_neox, {
        "vocab_size": 50432, "hidden_size": 6144, "num_hidden_layers": 44, "num_attention_heads": 64,
        "intermediate_size": 24576, "max_position_embeddings": 2048, "tie_word_embeddings": False,
        "attention_bias": True,
    }),
)  # fmt: skip
