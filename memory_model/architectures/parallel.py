"""Phi, StableLM, StarCoder2, Persimmon: LayerNorms with bias; Phi and some StableLMs run attention and MLP side by side."""

from __future__ import annotations

from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, stack
from .family import Family
from .llama import NORMS


def phi(config: Config) -> ModelShape:
    """Gunasekar et al. 2023, arXiv:2306.11644; transformers modeling_phi.py: one norm, biases everywhere."""
    config.must_be("qk_layernorm", False)
    mixer = attention(config, qkv_bias=True, o_bias=True)
    mlp = DenseMlp(config.whole("intermediate_size"), gated=False, bias=True)
    layers = stack(config, mixer, mlp, ("input_layernorm",), bias=True)
    return decoder(config, layers, norm_bias=True, head_bias=True)


def stablelm(config: Config) -> ModelShape:
    """Bellagente et al. 2024, arXiv:2402.17834; transformers modeling_stablelm.py: a quarter of each head rotated."""
    qk_norm = "full" if config.flag("qk_layernorm") else ""  # one norm for each head
    mixer = attention(config, qkv_bias=config.flag("use_qkv_bias"), qk_norm=qk_norm)
    norms = ("input_layernorm",) if config.flag("use_parallel_residual") else NORMS
    layers = stack(config, mixer, DenseMlp(config.whole("intermediate_size")), norms, bias=True)
    return decoder(config, layers, norm_bias=True)


def starcoder2(config: Config) -> ModelShape:
    """Lozhkov et al. 2024, arXiv:2402.19173; transformers modeling_starcoder2.py: a window in every layer, or in none."""
    config.must_be("mlp_type", "default")
    config.must_be("norm_type", "layer_norm")
    bias = config.flag("use_bias")
    mixer = attention(config, window=config.optional("sliding_window"), bias=bias)
    mlp = DenseMlp(config.whole("intermediate_size"), gated=False, bias=bias)
    return decoder(config, stack(config, mixer, mlp, NORMS, bias=True), norm_bias=True)


def persimmon(config: Config) -> ModelShape:
    """Adept 2023; transformers modeling_persimmon.py: one fused matrix, squared ReLU, half of each head rotated."""
    qk_norm = "layer" if config.flag("qk_layernorm", otherwise=True) else ""
    heads = config.whole("num_attention_heads")  # of keys and values as many, whatever the file says
    mixer = attention(config, num_key_value_heads=heads, qkv_bias=True, o_bias=True, fused=True, qk_norm=qk_norm)
    mlp = DenseMlp(config.whole("intermediate_size"), gated=False, bias=True)
    return decoder(config, stack(config, mixer, mlp, NORMS, bias=True), norm_bias=True)


FAMILIES = (
    Family("phi", phi, {
        "vocab_size": 51200, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 24,
        "num_attention_heads": 32, "max_position_embeddings": 2048, "tie_word_embeddings": False,
        "partial_rotary_factor": 0.5,
    }),
    Family("stablelm", stablelm, {
        "vocab_size": 50304, "hidden_size": 2560, "intermediate_size": 6912, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 4096,
        "tie_word_embeddings": False, "partial_rotary_factor": 0.25,
    }),
    Family("starcoder2", starcoder2, {
        "vocab_size": 49152, "hidden_size": 3072, "intermediate_size": 12288, "num_hidden_layers": 30,
        "num_attention_heads": 24, "num_key_value_heads": 2, "max_position_embeddings": 4096, "use_bias": True,
        "tie_word_embeddings": True,
    }),
    Family("persimmon", persimmon, {
        "vocab_size": 262144, "hidden_size": 4096, "intermediate_size": 16384, "num_hidden_layers": 36,
        "num_attention_heads": 64, "max_position_embeddings": 16384, "tie_word_embeddings": False,
        "partial_rotary_factor": 0.5, "qk_layernorm": True,
    }),
)  # fmt: skip
