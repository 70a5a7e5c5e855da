"""Falcon and BLOOM: fused queries, keys and values, ungated MLPs of four times the width, tied embeddings."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from ..tensors import norm
from .config import Config
from .decoder import decoder, multi_head, stack
from .family import Family
from .llama import NORMS


def falcon(config: Config) -> ModelShape:
    """Almazrouei et al. 2023, arXiv:2311.16867; transformers modeling_falcon.py.

    Three layouts: one KV head (7B), groups of query heads (`new_decoder_architecture`: 11B, 40B, 180B), and one KV head
    for each query head (RW).
    """
    config = _named(config)
    hidden_size, heads = config.wholes("hidden_size", "num_attention_heads")
    stated = config.whole(config.spelled("num_kv_heads", "n_head_kv"), heads)
    new, one = config.flag("new_decoder_architecture"), config.flag("multi_query")
    kv_heads = stated if new else 1 if one else heads
    if heads % kv_heads:
        raise config.error("num_kv_heads", f"{stated} does not divide {heads} query heads", "check the file")
    if not new and not one and stated != heads:
        raise config.error("num_kv_heads", f"{stated} differs from {heads} query heads", "set multi_query or remove it")
    bias = config.flag("bias")
    mixer = multi_head(config, kv_heads=kv_heads, qkv_bias=bias, o_bias=bias, fused=True)
    rotary_dim = 0 if config.flag("alibi") else mixer.head_dim
    mixer = replace(mixer, rotary_dim=rotary_dim, repeated_heads=heads if new else 0)
    two = config.whole("num_ln_in_parallel_attn", 2 if new else 1) == 2
    norms = NORMS if two or not config.flag("parallel_attn") else ("input_layernorm",)
    config.ignore("ff_factor")
    mlp = DenseMlp(config.whole("ffn_hidden_size", 4 * hidden_size), gated=False, bias=bias)
    shape = decoder(config, stack(config, mixer, mlp, norms, bias=True), norm_bias=True)
    parallel = config.flag("parallel_attn")
    if parallel and rotary_dim:
        return shape
    return replace(shape, modeling="falcon, in an order not run" if parallel or rotary_dim else "falcon, linear biases")


def bloom(config: Config) -> ModelShape:
    """BigScience 2022, arXiv:2211.05100; transformers modeling_bloom.py: ALiBi positions, a norm on the embedding."""
    config = _named(config)
    hidden_size, mixer = config.whole("hidden_size"), multi_head(config, qkv_bias=True, o_bias=True, fused=True)
    if config.whole("n_inner", 4 * hidden_size) != 4 * hidden_size:
        raise config.error("n_inner", "differs from four times the hidden size", "remove it")
    config.ignore("offset_alibi", "skip_bias_add", "skip_bias_add_qkv")
    mlp = DenseMlp(4 * hidden_size, gated=False, bias=True)
    shape = decoder(config, stack(config, mixer, mlp, NORMS, bias=True), norm_bias=True)
    scale = norm("word_embeddings_layernorm", hidden_size, bias=True)
    return replace(shape, embeddings=(*shape.embeddings, *scale))


def _named(config: Config) -> Config:
    """The older names of the keys, read as the newer ones. ALiBi has no longest context but the trained one."""
    hidden_size = config.whole(config.spelled("n_embed", "hidden_size"))
    longest = config.whole(config.spelled("max_position_embeddings", "seq_length"), 2048)
    config = config.renamed(num_hidden_layers="n_layer", num_attention_heads="n_head")
    return config.changed(hidden_size=hidden_size, max_position_embeddings=longest)


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
