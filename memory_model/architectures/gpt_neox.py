"""GPT-NeoX and Pythia: attention and MLP side by side, LayerNorms with bias, a quarter of each head rotated."""

from __future__ import annotations

from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, grouped, layer, num_hidden_layers, partial_rotary_factor
from .family import Family
from .llama import NORMS


def gpt_neox(config: Config) -> ModelShape:
    """Black et al. 2022, arXiv:2204.06745; transformers modeling_gpt_neox.py."""
    hidden_size, heads = config.whole("hidden_size"), config.whole("num_attention_heads")
    bias = config.flag("attention_bias", otherwise=True)
    config.flag("use_parallel_residual", otherwise=True)
    rotary_dim = int(hidden_size // heads * partial_rotary_factor(config, otherwise=0.25))
    mixer = attention(
        config, head_dim=hidden_size // heads, qkv_bias=bias, o_bias=bias, fused=True, rotary_dim=rotary_dim
    )
    mlp = DenseMlp(config.whole("intermediate_size"), gated=False, bias=True)
    layers = grouped([0] * num_hidden_layers(config), lambda _: layer(mixer, mlp, NORMS, hidden_size, bias=True))
    return decoder(config, layers, norm_bias=True)


FAMILIES = (
    Family(
        "gpt_neox",
        gpt_neox,
        {
            "vocab_size": 50432,
            "hidden_size": 6144,
            "num_hidden_layers": 44,
            "num_attention_heads": 64,
            "intermediate_size": 24576,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": False,
            "attention_bias": True,
        },
    ),
)
