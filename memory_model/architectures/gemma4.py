"""Gemma 4: wider heads in full layers, keys that serve as values, shared keys and values, experts beside the MLP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..blocks.attention import Attention
from ..blocks.mlp import DenseBesideExperts, DenseMlp, MixtureOfExperts
from ..model_shape import LayerGroup, ModelShape
from ..tensors import Mlp, Tensor, norm
from .config import Config
from .decoder import attention, decoder, grouped, layer_types, num_hidden_layers
from .decoder import layer as plain_layer
from .family import Family
from .gemma import NORMS
from .gemma3n import per_layer_embeddings, per_layer_input

MORE_NORMS = ("post_feedforward_layernorm_1", "post_feedforward_layernorm_2", "pre_feedforward_layernorm_2")


def gemma4_text(config: Config) -> ModelShape:
    """Google 2026; transformers modeling_gemma4.py: five sliding layers to one full, the last one always full."""
    config.must_be("use_bidirectional_attention", "vision", False)
    count, hidden_size = num_hidden_layers(config), config.whole("hidden_size")
    kinds = (*layer_types(config, lambda i: (i + 1) % 6 != 0)[:-1], "full_attention")
    config = _with_full_layers(config, [i for i in range(count) if kinds[i] == "full_attention"])
    first = count - config.whole("num_kv_shared_layers", 0, least=0)
    if not 0 < first <= count or {*kinds[first:]} - {*kinds[:first]}:
        raise config.error("num_kv_shared_layers", "leaves no layer whose keys could be shared", "check the file")
    mixers, mlps = _mixers(config), {shared: _mlp(config, shared) for shared in (False, True)}
    width = config.whole("hidden_size_per_layer_input", 0, least=0)
    moe = config.flag("enable_moe_block")
    around = (*(per_layer_input(hidden_size, width) if width else ()), *(_moe_norms(config) if moe else ()))
    pairs = [(kinds[i], i >= first) for i in range(count)]

    def layer(index: int) -> LayerGroup:
        kind, shared = pairs[index]
        group = plain_layer(replace(mixers[kind], shares_kv=shared), mlps[shared], NORMS, hidden_size)
        return replace(group, around=(*group.around, *around))

    shape = decoder(config, grouped(pairs, layer))
    config.ignore("vocab_size_per_layer_input")
    tables = per_layer_embeddings(config, width, count) if width else ()
    return replace(shape, embeddings=(*shape.embeddings, *tables))


def _with_full_layers(config: Config, full: list[int]) -> Config:
    """Files that transformers 5.23 saved state heads of full layers in `per_layer_config`, one entry for each."""
    stated = config.raw("per_layer_config")
    if stated is None:
        return config
    entries = list(stated.values()) if isinstance(stated, Mapping) else []
    known = all(
        isinstance(entry, Mapping) and set(entry) <= {"head_dim", "num_key_value_heads"} and entry == entries[0]
        for entry in entries
    )
    if not entries or not known or sorted(str(key).lstrip("0") or "0" for key in stated) != sorted(map(str, full)):
        raise config.error("per_layer_config", "expected the same heads for every full layer", "check the file")
    own = Config(entries[0], f"{config.where} › per_layer_config")
    heads = own.optional("num_key_value_heads")
    if heads is not None and not config.flag("attention_k_eq_v"):
        raise config.error("per_layer_config", "KV heads differ where keys are no values", "check the file")
    head_dim = own.whole("head_dim", config.whole("head_dim"))
    return config.changed(global_head_dim=head_dim, num_global_key_value_heads=heads)


def _mixers(config: Config) -> dict[str, Attention]:
    """Sliding layers as the file has them; full ones of `global_head_dim` and, where keys serve as values, fewer heads."""
    bias, same = config.flag("attention_bias"), config.flag("attention_k_eq_v")
    sliding = attention(config, window=config.optional("sliding_window"), bias=bias, qk_norm="head")
    wide = config.whole("global_head_dim", 512)
    stated = config.optional("num_global_key_value_heads")
    heads = stated if stated is not None and same else sliding.num_key_value_heads
    if sliding.num_attention_heads % heads:
        raise config.error("num_global_key_value_heads", f"{heads} does not divide the query heads", "check the file")
    rope = config.section("rope_parameters")
    full_rope = rope.section("full_attention") if rope is not None else None
    share = full_rope.number("partial_rotary_factor", 1.0) if full_rope is not None else 0.25
    full = replace(
        sliding, window=None, head_dim=wide, v_head_dim=wide, num_key_value_heads=heads, k_eq_v=same,
        rotary_dim=int(wide * share),
    )  # fmt: skip
    return {"sliding_attention": sliding, "full_attention": full}


def _mlp(config: Config, shared: bool) -> Mlp:
    double = shared and config.flag("use_double_wide_mlp")
    dense = DenseMlp(config.whole("intermediate_size") * (2 if double else 1))
    config.ignore(
        "use_double_wide_mlp", "num_experts", "top_k_experts", "moe_intermediate_size", "expert_intermediate_size"
    )
    if not config.flag("enable_moe_block"):
        return dense
    experts = MixtureOfExperts(
        config.whole("num_experts"), config.whole("top_k_experts"), config.whole("moe_intermediate_size")
    )
    return DenseBesideExperts(dense, experts)


def _moe_norms(config: Config) -> Iterator[Tensor]:
    hidden_size = config.whole("hidden_size")
    yield Tensor("router.scale", hidden_size, part="router")
    yield Tensor("router.per_expert_scale", config.whole("num_experts"), part="router")
    for role in MORE_NORMS:
        yield from norm(role, hidden_size)


TEXT = {
    "model_type": "gemma4_text", "vocab_size": 262144, "vocab_size_per_layer_input": 262144, "hidden_size": 2304,
    "hidden_size_per_layer_input": 256, "intermediate_size": 9216, "num_hidden_layers": 30, "num_attention_heads": 8,
    "num_key_value_heads": 4, "head_dim": 256, "max_position_embeddings": 131072, "tie_word_embeddings": True,
    "sliding_window": 512,
}  # fmt: skip

FAMILIES = (Family("gemma4_text", gemma4_text, TEXT),)
