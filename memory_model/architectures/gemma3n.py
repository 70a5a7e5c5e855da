"""Gemma 3n: several residual streams, an embedding for every layer, later layers that read earlier keys and values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..blocks.attention import Attention
from ..blocks.mlp import DenseMlp
from ..model_shape import LayerGroup, ModelShape
from ..tensors import Tensor, norm
from .config import Config
from .decoder import attention, decoder, grouped, layer_types, num_hidden_layers
from .decoder import layer as plain_layer
from .family import Family
from .gemma import NORMS


def gemma3n_text(config: Config) -> ModelShape:
    """Google 2025; transformers modeling_gemma3n.py: four sliding layers to one full, windows of 512."""
    count, hidden_size = num_hidden_layers(config), config.whole("hidden_size")
    config.ignore("activation_sparsity_pattern", "altup_active_idx", "altup_lr_multiplier")
    kinds = layer_types(config, lambda i: (i + 1) % 5 != 0)
    mixers, first_shared = shared_kv(config, kinds)
    widths = _mlp_widths(config, count)
    streams, width = config.wholes("altup_num_inputs", "hidden_size_per_layer_input")
    around = (*_altup(hidden_size, streams), *_laurel(hidden_size, config.whole("laurel_rank")))
    around = (*around, *per_layer_input(hidden_size, width))
    pairs = [(kinds[i], i >= first_shared, widths[i]) for i in range(count)]

    def layer(index: int) -> LayerGroup:
        group = plain_layer(mixers[index], DenseMlp(widths[index]), NORMS, hidden_size)
        return replace(group, around=(*group.around, *around))

    shape = decoder(config, grouped(pairs, layer))
    projections = [
        Tensor(f"altup_{role}", hidden_size, hidden_size, streams - 1) for role in ("projections", "unembed")
    ]
    tables = per_layer_embeddings(config, width, count)
    return replace(shape, embeddings=(*shape.embeddings, *tables, *(p for p in projections if p.copies)))


def shared_kv(config: Config, kinds: tuple[str, ...]) -> tuple[list[Attention], int]:
    """Attention of each layer; from the returned layer on they read the keys and values of the last one of their kind."""
    bias, window = config.flag("attention_bias"), config.optional("sliding_window")
    full = attention(config, bias=bias, qk_norm="head")
    by_kind = {"full_attention": full, "sliding_attention": replace(full, window=window)}
    first = len(kinds) - config.whole("num_kv_shared_layers", 0, least=0)
    if not 0 < first <= len(kinds) or {*kinds[first:]} - {*kinds[:first]}:
        raise config.error("num_kv_shared_layers", "leaves no layer whose keys could be shared", "check the file")
    return [replace(by_kind[kind], shares_kv=i >= first) for i, kind in enumerate(kinds)], first


def per_layer_input(hidden_size: int, width: int) -> Iterator[Tensor]:
    """How a layer takes in its own embedding of the token."""
    yield Tensor("per_layer_input_gate", width, hidden_size)
    yield Tensor("per_layer_projection", hidden_size, width)
    yield from norm("post_per_layer_input_norm", hidden_size)


def per_layer_embeddings(config: Config, width: int, count: int) -> Iterator[Tensor]:
    """A row of `width` values for every token and layer, and what derives another from the plain embedding."""
    vocab_size = config.whole("vocab_size_per_layer_input")
    yield Tensor("embed_tokens_per_layer", vocab_size, count * width, part="embedding")
    yield Tensor("per_layer_model_projection", count * width, config.whole("hidden_size"))
    yield from norm("per_layer_projection_norm", width)


def _altup(hidden_size: int, streams: int) -> Iterator[Tensor]:
    """Alternating updates of the streams: Baykal et al. 2023, arXiv:2301.13310."""
    yield Tensor("altup.correct_output_scale", hidden_size)
    yield Tensor("altup.correction_coefs", streams, streams)
    yield Tensor("altup.prediction_coefs", streams**2, streams)
    yield Tensor("altup.modality_router", streams, hidden_size)
    yield from norm("altup.router_norm", hidden_size)


def _laurel(hidden_size: int, rank: int) -> Iterator[Tensor]:
    """A learned low-rank residual: Menghani et al. 2024, arXiv:2411.07501."""
    yield Tensor("laurel.linear_left", rank, hidden_size)
    yield Tensor("laurel.linear_right", hidden_size, rank)
    yield from norm("laurel.post_laurel_norm", hidden_size)


def _mlp_widths(config: Config, count: int) -> tuple[int, ...]:
    stated = config.raw("intermediate_size")
    if isinstance(stated, (list, tuple)) and stated:
        return config.whole_list("intermediate_size", count)
    return (config.whole("intermediate_size"),) * count


TEXT = {
    "model_type": "gemma3n_text", "vocab_size": 262400, "vocab_size_per_layer_input": 262144, "hidden_size": 2048,
    "hidden_size_per_layer_input": 256, "intermediate_size": 16384, "num_hidden_layers": 35, "num_attention_heads": 8,
    "num_key_value_heads": 2, "head_dim": 256, "max_position_embeddings": 32768, "tie_word_embeddings": True,
    "sliding_window": 512, "altup_num_inputs": 4, "num_kv_shared_layers": 15, "laurel_rank": 64,
}  # fmt: skip

FAMILIES = (Family("gemma3n_text", gemma3n_text, TEXT),)
