"""What the decoder families share: dimensions read from a config, and the assembly of a ModelShape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..blocks.attention import Attention
from ..blocks.mlp import DenseMlp, MixtureOfExperts
from ..model_shape import LayerGroup, ModelShape
from ..tensors import Mixer, Mlp, Tensor, norm
from .config import MOST_LAYERS, Config

ATTENTION_KINDS = ("full_attention", "sliding_attention")


def attention(
    config: Config, *, window: int | None = None, head_dim: int | None = None, bias: bool = False, **traits: Any
) -> Attention:
    """Attention of `num_attention_heads`, `num_key_value_heads` and `head_dim` as most families name them.

    `head_dim` stands in where the file has none; hidden_size / num_attention_heads where neither has. `bias`: all four
    matrices have one.
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
    return replace(shape, **{"qkv_bias": bias, "o_bias": bias, **traits})


def multi_head(config: Config, *, kv_heads: int | None = None, **traits: Any) -> Attention:
    """Attention of older families: heads share `hidden_size`, without rotation unless a trait says so.

    As many heads of keys and values, unless `kv_heads` says otherwise.
    """
    hidden_size, heads = config.wholes("hidden_size", "num_attention_heads")
    if hidden_size % heads:
        raise config.error(
            "num_attention_heads", f"{heads} does not divide hidden_size {hidden_size}", "check the file"
        )
    width = hidden_size // heads
    return replace(Attention(heads, heads if kv_heads is None else kv_heads, width, width), **traits)


def windowed(full: Attention, window: int | None, kinds: Sequence[str]) -> list[Attention]:
    """The same attention in every layer, with a window in those of the kind `sliding_attention`."""
    sliding = replace(full, window=window)
    return [sliding if kind == "sliding_attention" else full for kind in kinds]


def mixture(
    config: Config, *counted: str, width: str = "moe_intermediate_size", shared: int = 0, **traits: Any
) -> MixtureOfExperts:
    """As many experts as the first key of `counted` says that the file has, each as wide as the key `width` says.

    `shared`: so many more of that width, which every token passes.
    """
    number, chosen = config.whole(config.spelled(*counted)), config.whole("num_experts_per_tok")
    inner = config.whole(width)
    return replace(MixtureOfExperts(number, chosen, inner, shared_intermediate_size=inner * shared), **traits)


def sparse_layers(config: Config, otherwise: Callable[[int], bool]) -> list[bool]:
    """Which layers have experts: `mlp_layer_types`, or those of which `otherwise(i)` says so when the file does not."""
    count = num_hidden_layers(config)
    stated = config.names("mlp_layer_types", count, ("dense", "sparse"))
    return [kind == "sparse" for kind in stated] or [otherwise(i) for i in range(count)]


def routed(config: Config, moe: MixtureOfExperts, sparse: Iterable[bool]) -> list[Mlp]:
    """Experts in the layers that are sparse, in the others a dense MLP of `intermediate_size`."""
    dense = DenseMlp(config.whole("intermediate_size"))
    return [moe if chosen else dense for chosen in sparse]


def partial_rotary_factor(config: Config, otherwise: float = 1.0) -> float:
    """The share of each head that is rotated, under any of the names that real files use."""
    rope = config.section("rope_parameters")
    if rope is not None and "partial_rotary_factor" in rope.keys:
        return rope.number("partial_rotary_factor", otherwise)
    return config.number("partial_rotary_factor", config.number("rotary_pct", otherwise))


def num_hidden_layers(config: Config, key: str = "num_hidden_layers") -> int:
    """How many layers, within what can be handled."""
    return config.whole(key, most=MOST_LAYERS)


def layer_types(config: Config, otherwise: Callable[[int], bool]) -> tuple[str, ...]:
    """The kind of each layer: `layer_types`, or sliding where `otherwise(i)` says so when the file does not."""
    count = num_hidden_layers(config)
    stated = config.names("layer_types", count, ATTENTION_KINDS)
    return stated or tuple("sliding_attention" if otherwise(i) else "full_attention" for i in range(count))


def grouped(kinds: Sequence[object], layer: Callable[[int], LayerGroup]) -> tuple[LayerGroup, ...]:
    """One LayerGroup for each distinct kind, built from its first layer, with the positions of all its layers."""
    positions: dict[object, list[int]] = {}
    for index, kind in enumerate(kinds):
        positions.setdefault(kind, []).append(index)
    groups = []
    for indices in positions.values():
        first = layer(indices[0])
        groups.append(LayerGroup(tuple(indices), first.mixer, first.mlp, first.around))
    return tuple(groups)


def layer(mixer: Mixer | None, mlp: Mlp | None, norms: Sequence[str], width: int, *, bias: bool = False) -> LayerGroup:
    """One layer, at position 0, with a norm of `width` values under each of the given names."""
    return LayerGroup((0,), mixer, mlp, tuple(tensor for role in norms for tensor in norm(role, width, bias=bias)))


def with_tensors(layers: Sequence[LayerGroup], *tensors: Tensor) -> tuple[LayerGroup, ...]:
    """The same layers, with more tensors around their mixers and MLPs."""
    return tuple(replace(group, around=(*group.around, *tensors)) for group in layers)


def stack(
    config: Config,
    mixers: Mixer | Sequence[Mixer | None] | None,
    mlps: Mlp | Sequence[Mlp | None] | None,
    norms: Sequence[str],
    *,
    bias: bool = False,
) -> tuple[LayerGroup, ...]:
    """Layers of a mixer and an MLP each, those that are alike in one group; one that is no list stands in all layers."""
    lists = [parts for parts in (mixers, mlps) if isinstance(parts, Sequence)]
    count = len(lists[0]) if lists else num_hidden_layers(config)
    each_mixer = mixers if isinstance(mixers, Sequence) else [mixers] * count
    each_mlp = mlps if isinstance(mlps, Sequence) else [mlps] * count
    pairs, hidden_size = list(zip(each_mixer, each_mlp, strict=True)), config.whole("hidden_size")
    return grouped(pairs, lambda i: layer(*pairs[i], norms, hidden_size, bias=bias))


def decoder(
    config: Config,
    layers: tuple[LayerGroup, ...],
    *,
    norm_bias: bool = False,
    positions: int = 0,
    max_position_embeddings: int | None = None,
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
    )
