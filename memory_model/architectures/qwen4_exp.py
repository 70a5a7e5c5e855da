"""Qwen4-Exp: Qwen3.5's layers on several residual streams, an indexer, and embeddings of hashed n-grams."""

from __future__ import annotations

from dataclasses import fields, replace

from ..blocks.delta_net import GatedDeltaNet
from ..blocks.hashed_ngrams import DeltaNetWithNgrams, GatedStreams, PickedTokensAttention, primes_from
from ..model_shape import ModelShape
from ..tensors import Mixer
from .config import Config
from .decoder import attention, decoder, num_hidden_layers, stack, with_tensors
from .family import Family
from .qwen3_next import QWEN3_5_MOE, delta_net, experts

KINDS = ("linear_attention", "indexed_attention", "full_attention")
MOST_ROWS = 2**28
"""Of one head of an n-gram's table; 20,000,000 by default. Beyond it, primes take long to find."""


def qwen4_exp_text(config: Config) -> ModelShape:
    """Qwen Team 2026; transformers modeling_qwen4_exp.py. Embeddings of n-grams may lie in host memory there."""
    config.ignore("intermediate_size", "mtp_num_hidden_layers", "mtp_use_dedicated_embeddings", "mamba_ssm_dtype")
    config.ignore("split_ngram_parts", "indexer_budget", "indexer_compress_ratio", "seed", "ple_embed_dim")
    config.ignore("ngram_size", "heads_per_ngram", "ngram_vocab_size_base", "ple_conv_kernel_size")
    config.ignore("make_ngram_vocab_size_divisible_by", "number_of_conv_states")
    config.must_be("indexer_kv_heads", 1)
    count, interval = num_hidden_layers(config), config.whole("full_attention_interval", 4)
    kinds = config.names("layer_types", count, KINDS) or tuple(KINDS[(i + 1) % interval == 0] for i in range(count))
    streams = GatedStreams(config.whole("hc_count", least=2), config.whole("hc_lowrank"))
    recurrent, picked = delta_net(config), _picked(config)
    at = sorted(set(config.whole_list("ple_layer_ids")))
    mixers: list[Mixer] = []
    for index, kind in enumerate(kinds):
        first = not any(isinstance(mixer, PickedTokensAttention) for mixer in mixers)
        if kind != KINDS[0]:
            mixers.append(replace(picked, keeps_positions=first))
        else:
            mixers.append(_with_ngrams(config, recurrent, at.index(index + 1)) if index + 1 in at else recurrent)
    width = config.whole("hidden_size")
    blocks = [tensor for role in ("attn_hc", "mlp_hc") for tensor in streams.tensors(width, role)]
    shape = decoder(config, with_tensors(stack(config, mixers, experts(config), ()), *blocks))
    matrices = tuple(tensor for tensor in shape.head if tensor.role != "norm")
    return replace(shape, head=(*streams.tensors(width, "hyper_connection_mixer", spreads=False), *matrices))


def _picked(config: Config) -> PickedTokensAttention:
    full = attention(config, bias=config.flag("attention_bias"), qk_norm="head", output_gate=True)
    heads, width = config.wholes("indexer_n_heads", "indexer_head_dim")
    stated = {field.name: getattr(full, field.name) for field in fields(full)}
    return PickedTokensAttention(**stated, index_n_heads=heads, index_head_dim=width)


def _with_ngrams(config: Config, recurrent: GatedDeltaNet, which: int) -> DeltaNetWithNgrams:
    """The table of the `which`-th layer that has one: its heads take the next prime numbers of rows."""
    size, width = config.whole("ngram_size", least=2), config.whole("hidden_size")
    heads = (size - 1) * config.whole("heads_per_ngram", most=64)
    values = config.whole("ple_embed_dim", width)
    if values % heads:
        raise config.error("ple_embed_dim", f"{heads} heads do not divide {values}", "transformers refuses it as well")
    if which * heads > 4096:
        raise config.error("ple_layer_ids", "too many tables of n-grams", "check the file against its source")
    base, step = (
        config.whole("ngram_vocab_size_base", most=MOST_ROWS),
        config.whole("make_ngram_vocab_size_divisible_by"),
    )
    rows = sum(primes_from(base, which * heads, heads))
    stated = {field.name: getattr(recurrent, field.name) for field in fields(recurrent)}
    return DeltaNetWithNgrams(
        **stated,
        streams=config.whole("hc_count"),
        ngram_rows=-(-rows // step) * step,
        ngram_heads=heads,
        ngram_width=values,
        ngram_size=size,
        ngram_kernel=config.whole("ple_conv_kernel_size"),
        hidden_size=width,
    )


QWEN4_EXP = QWEN3_5_MOE | {
    "model_type": "qwen4_exp_text", "num_experts": 512, "num_experts_per_tok": 10, "hc_count": 4, "hc_lowrank": 320,
    "ple_conv_kernel_size": 4, "ngram_size": 3, "heads_per_ngram": 8, "ngram_vocab_size_base": 20_000_000,
    "make_ngram_vocab_size_divisible_by": 128, "partial_rotary_factor": 1.0,
}  # fmt: skip

FAMILIES = (Family("qwen4_exp_text", qwen4_exp_text, QWEN4_EXP),)
