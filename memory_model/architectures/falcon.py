"""Falcon and BLOOM: fused queries, keys and values, ungated MLPs of four times the width, tied embeddings."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.attention import Attention
from ..blocks.mlp import DenseMlp
from ..blocks.norm import norm
from ..model_shape import ModelShape
from .config import Config
from .decoder import decoder, num_hidden_layers, stack
from .family import Family
from .llama import NORMS


def falcon(config: Config) -> ModelShape:
    """Almazrouei et al. 2023, arXiv:2311.16867; transformers modeling_falcon.py.

    Three layouts: one KV head (7B), groups of query heads (`new_decoder_architecture`: 11B, 40B, 180B), and one KV head
    for each query head (RW).
    """
    hidden_size = config.whole(config.spelled("n_embed", "hidden_size"))
    heads = config.whole(config.spelled("num_attention_heads", "n_head"))
    stated = config.whole(config.spelled("num_kv_heads", "n_head_kv"), heads)
    new, one = config.flag("new_decoder_architecture"), config.flag("multi_query")
    kv_heads = stated if new else 1 if one else heads
    if hidden_size % heads or heads % kv_heads:
        raise config.error("num_attention_heads", f"{heads} does not divide evenly", "check the file")
    if not new and not one and stated != heads:
        raise config.error("num_kv_heads", f"{stated} differs from {heads} query heads", "set multi_query or remove it")
    bias = config.flag("bias")
    width = hidden_size // heads
    rotary_dim = 0 if config.flag("alibi") else width
    mixer = Attention(
        heads, kv_heads, width, width, rotary_dim, qkv_bias=bias, o_bias=bias, fused=True,
        repeated_heads=heads if new else 0,
    )  # fmt: skip
    two = config.whole("num_ln_in_parallel_attn", 2 if new else 1) == 2
    norms = NORMS if two or not config.flag("parallel_attn") else ("input_layernorm",)
    config.ignore("ff_factor")
    mlp = DenseMlp(config.whole("ffn_hidden_size", 4 * hidden_size), gated=False, bias=bias)
    shape = _decoder(config, hidden_size, mixer, mlp, norms)
    rotated = rotary_dim and config.flag("parallel_attn")
    return shape if rotated else replace(shape, modeling="falcon, linear biases")


def bloom(config: Config) -> ModelShape:
    """BigScience 2022, arXiv:2211.05100; transformers modeling_bloom.py: ALiBi positions, a norm on the embedding."""
    hidden_size = config.whole(config.spelled("n_embed", "hidden_size"))
    heads = config.whole(config.spelled("num_attention_heads", "n_head"))
    if hidden_size % heads:
        raise config.error("n_head", f"{heads} does not divide hidden_size {hidden_size}", "check the file")
    width = hidden_size // heads
    mixer = Attention(heads, heads, width, width, qkv_bias=True, o_bias=True, fused=True)
    if config.whole("n_inner", 4 * hidden_size) != 4 * hidden_size:
        raise config.error("n_inner", "differs from four times the hidden size", "remove it")
    config.ignore("offset_alibi", "skip_bias_add", "skip_bias_add_qkv")
    shape = _decoder(config, hidden_size, mixer, DenseMlp(4 * hidden_size, gated=False, bias=True), NORMS)
    scale = norm("word_embeddings_layernorm", hidden_size, bias=True)
    return replace(shape, embeddings=(*shape.embeddings, *scale))


def _decoder(config: Config, hidden_size: int, mixer: Attention, mlp: DenseMlp, norms: tuple[str, ...]) -> ModelShape:
    """The older names of the keys, read as the newer ones. ALiBi has no longest context but the trained one."""
    layers = config.spelled("num_hidden_layers", "n_layer")
    count = num_hidden_layers(config, layers)
    longest = config.whole(config.spelled("max_position_embeddings", "seq_length"), 2048)
    keys = {key: config.raw(key) for key in ("model_type", "vocab_size", "tie_word_embeddings")}
    named = Config(keys | {"hidden_size": hidden_size}, config.where, {"tie_word_embeddings": True})
    groups = stack(named, [mixer] * count, mlp, norms, bias=True)
    return decoder(named, groups, norm_bias=True, max_position_embeddings=longest)


FAMILIES = (
    Family("falcon", falcon, {
        "vocab_size": 65024, "n_embed": 4544, "num_hidden_layers": 32, "num_attention_heads": 71, "multi_query": True,
        "parallel_attn": True, "max_position_embeddings": 2048, "tie_word_embeddings": True,
    }),
    Family("bloom", bloom, {
        "vocab_size": 250880, "n_embed": 64, "num_hidden_layers": 2, "num_attention_heads": 8,
        "tie_word_embeddings": True,
    }),
)  # fmt: skip
