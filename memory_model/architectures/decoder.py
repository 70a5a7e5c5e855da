"""What the decoder families share: dimensions read from a config, and the assembly of a ModelShape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ..blocks.attention import Attention
from ..blocks.norm import norm
from ..model_shape import LayerGroup, ModelShape, Tower
from ..tensors import Mixer, Mlp, Tensor
from .config import MOST_LAYERS, Config

ATTENTION_KINDS = ("full_attention", "sliding_attention")


def attention(config: Config, *, window: int | None = None, head_dim: int | None = None, **traits: Any) -> Attention:
    """Attention of `num_attention_heads`, `num_key_value_heads` and `head_dim` as most families name them.

    `head_dim` stands in where the file has none; hidden_size / num_attention_heads where neither has.
    """
    hidden_size = config.whole("hidden_size")
    heads = config.whole("num_attention_heads")
    kv_heads = config.whole("num_key_value_heads", heads)
    if heads % kv_heads:
        raise config.error("num_key_value_heads", f"{kv_heads} does not divide {heads} query heads", "check the file")
    if head_dim is None:
        head_dim = config.optional("head_dim")
    if head_dim is None:
        if hidden_size % heads:
            raise config.error(
                "num_attention_heads", f"{heads} does not divide hidden_size {hidden_size}", "add head_dim"
            )
        head_dim = hidden_size // heads
    rotary_dim = int(head_dim * partial_rotary_factor(config))
    shape = Attention(heads, kv_heads, head_dim, head_dim, rotary_dim, window)
    return replace(shape, **traits)


def partial_rotary_factor(config: Config, otherwise: float = 1.0) -> float:
    """The share of each head that is rotated, under any of the names that real files use."""
    rope = config.section("rope_parameters")
    if rope is not None and "partial_rotary_factor" in rope.keys:
        return rope.fraction("partial_rotary_factor", otherwise)
    return config.fraction("partial_rotary_factor", config.fraction("rotary_pct", otherwise))


def num_hidden_layers(config: Config, key: str = "num_hidden_layers") -> int:
    """How many layers, within what can be handled."""
    return config.whole(key, most=MOST_LAYERS)


def layer_types(
    config: Config, otherwise: Callable[[int], bool], kinds: Sequence[str] = ATTENTION_KINDS
) -> tuple[str, ...]:
    """The kind of each layer: `layer_types`, or sliding where `otherwise(i)` says so when the file does not."""
    count = num_hidden_layers(config)
    stated = config.names("layer_types", count, kinds)
    return stated or tuple("sliding_attention" if otherwise(i) else "full_attention" for i in range(count))


def grouped(kinds: Sequence[object], layer: Callable[[int], LayerGroup]) -> tuple[LayerGroup, ...]:
    """One LayerGroup for each distinct kind, built from its first layer, with the positions of all its layers."""
    positions: dict[object, list[int]] = {}
    for index, kind in enumerate(kinds):
        positions.setdefault(kind, []).append(index)
    groups = []
    for indices in positions.values():
        first = layer(indices[0])
        groups.append(LayerGroup(tuple(indices), first.mixer, first.mlp, first.norms))
    return tuple(groups)


def layer(mixer: Mixer | None, mlp: Mlp | None, norms: Sequence[str], width: int, *, bias: bool = False) -> LayerGroup:
    """One layer, at position 0, with a norm of `width` values under each of the given names."""
    return LayerGroup((0,), mixer, mlp, tuple(tensor for role in norms for tensor in norm(role, width, bias=bias)))


def stack(
    config: Config,
    mixers: Sequence[Mixer | None],
    mlps: Sequence[Mlp | None],
    norms: Sequence[str],
    *,
    bias: bool = False,
) -> tuple[LayerGroup, ...]:
    """Layers of a mixer and an MLP each, those that are alike in one group."""
    pairs = list(zip(mixers, mlps, strict=True))
    hidden_size = config.whole("hidden_size")
    return grouped(pairs, lambda i: layer(*pairs[i], norms, hidden_size, bias=bias))


def uniform(
    config: Config, mixer: Mixer, mlp: Mlp, norms: Sequence[str], *, bias: bool = False
) -> tuple[LayerGroup, ...]:
    """Layers that are all alike."""
    count = num_hidden_layers(config)
    return stack(config, [mixer] * count, [mlp] * count, norms, bias=bias)


def alternating(
    config: Config,
    full: Mixer,
    sliding: Mixer,
    kinds: Sequence[str],
    mlp: Mlp,
    norms: Sequence[str],
    *,
    bias: bool = False,
) -> tuple[LayerGroup, ...]:
    """Layers of one MLP whose attention is full or sliding by kind."""
    mixers = [sliding if kind == "sliding_attention" else full for kind in kinds]
    return stack(config, mixers, [mlp] * len(kinds), norms, bias=bias)


def decoder(
    config: Config,
    layers: tuple[LayerGroup, ...],
    *,
    norm_bias: bool = False,
    positions: int = 0,
    max_position_embeddings: int | None = None,
    towers: tuple[Tower, ...] = (),
    head_bias: bool = False,
) -> ModelShape:
    """A decoder-only model: token embedding, layers, final norm, and an output matrix unless tied.

    `positions` rows of learned position embeddings; `max_position_embeddings` where the family names it otherwise.
    """
    hidden_size = config.whole("hidden_size")
    vocab_size = config.whole("vocab_size")
    embeddings = [Tensor("embed_tokens", vocab_size, hidden_size, part="embedding")]
    if positions:
        embeddings.append(Tensor("embed_positions", positions, hidden_size, part="embedding"))
    head = list(norm("norm", hidden_size, bias=norm_bias))
    if not config.flag("tie_word_embeddings", otherwise=True):
        head.append(Tensor("lm_head", vocab_size, hidden_size, part="head"))
    if head_bias:
        head.append(Tensor("lm_head.bias", vocab_size, part="head"))
    longest = max_position_embeddings or config.whole("max_position_embeddings")
    model_type = config.text("model_type")
    return ModelShape(
        name=config.where,
        model_type=model_type,
        hidden_size=hidden_size,
        vocab_size=vocab_size,
        max_position_embeddings=longest,
        embeddings=tuple(embeddings),
        layers=layers,
        head=tuple(head),
        modeling=model_type,
        towers=towers,
    )
