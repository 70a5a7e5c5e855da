"""Step 3.5 Flash and the language model of Step 3.7: gated attention whose heads differ by kind, small experts."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.attention import Attention
from ..blocks.mlp import MixtureOfExperts
from ..model_shape import ModelShape
from .config import Config
from .decoder import ATTENTION_KINDS, attention, decoder, num_hidden_layers, routed, stack
from .family import Family
from .llama import NORMS


def step3p5(config: Config) -> ModelShape:
    """StepFun 2026, arXiv:2602.10604; transformers modeling_step3p7.py Step3p7TextModel, under this model_type.

    Lists of layers may be longer by `num_nextn_predict_layers`, which are not loaded. Layers with a window may have
    other query heads: `num_sliding_attention_heads`, or `attention_other_setting` in the published files.
    """
    config.must_be("mlp_bias", False)
    config.must_be("gating", True, "per-head")
    config.must_be("use_head_wise_attn_gate", True)
    config.ignore(
        "moe_router_scaling_factor", "moe_router_activation", "moe_every_n_layer", "swiglu_limits", "max_seq_len",
        "swiglu_limits_shared", "mtp_layer_types", "mtp_mlp_layer_types", "num_mtp_layers", "need_fp32_gate",
        "norm_expert_weight", "use_moe_router_bias", "use_moe", "yarn_only_types", "att_impl_type", "use_rope_layers",
        "num_local_experts", "sink",
    )  # fmt: skip
    count, extra = num_hidden_layers(config), config.whole("num_nextn_predict_layers", 0, least=0)
    kinds = _of_layers(config, "layer_types", ATTENTION_KINDS, extra) or ("full_attention",) * count
    sparse = _of_layers(config, "mlp_layer_types", ("dense", "sparse"), extra) or _enumerated(config, count)
    moe = MixtureOfExperts(
        config.whole(config.spelled("moe_num_experts", "n_routed_experts")),
        config.whole(config.spelled("moe_top_k", "num_experts_per_tok")),
        config.whole("moe_intermediate_size"),
        shared_intermediate_size=config.whole(config.spelled("share_expert_dims", "share_expert_dim")),
        correction_bias=True,
        correction_stored="",
    )
    mixers = [_gated(config, kinds, kind) for kind in kinds]
    return decoder(config, stack(config, mixers, routed(config, moe, (kind == "sparse" for kind in sparse)), NORMS))


def _of_layers(config: Config, key: str, choices: tuple[str, ...], extra: int) -> tuple[str, ...]:
    count, stated = num_hidden_layers(config), config.raw(key)
    longer = isinstance(stated, (list, tuple)) and len(stated) == count + extra
    return config.names(key, count + extra if longer else count, choices)[:count]


def _enumerated(config: Config, count: int) -> tuple[str, ...]:
    """`moe_layers_enum` lists the layers with experts, as numbers or as text between commas; else the first three are dense."""
    stated = config.raw("moe_layers_enum")
    if stated is None:
        chosen = set(range(3, count))
    elif isinstance(stated, str):
        parts = [part.strip() for part in stated.split(",") if part.strip()]
        if not all(part.isdecimal() for part in parts):
            raise config.error("moe_layers_enum", "expected the numbers of layers", "check the file")
        chosen = {int(part) for part in parts}
    else:
        chosen = set(config.whole_list("moe_layers_enum"))
    return tuple("sparse" if i in chosen else "dense" for i in range(count))


def _saved_heads(config: Config, kinds: tuple[str, ...]) -> int | None:
    """Query heads of layers with a window where transformers saved them by layer: one number for all of these."""
    saved = config.section("per_layer_config")
    if saved is None or not saved.keys:
        return None
    stated = {saved.section(str(i), {}) for i, kind in enumerate(kinds) if kind == "sliding_attention"}
    found = {None if layer is None else layer.whole("num_attention_heads") for layer in stated}
    alike = len(found) == 1 and len(saved.keys) == len(stated)
    if not alike or any(layer is not None and len(layer.keys) != 1 for layer in stated):
        raise config.error("per_layer_config", "is not one number of heads for all windows", "check the file")
    return found.pop()


def _gated(config: Config, kinds: tuple[str, ...], kind: str) -> Attention:
    bias = config.flag("attention_bias")
    kv_heads = config.whole(config.spelled("num_attention_groups", "num_key_value_heads"))
    heads = config.whole("num_attention_heads")
    other = config.section("attention_other_setting", {})
    slides = kind == "sliding_attention"
    if slides:
        published = other.whole("num_attention_heads", heads) if other is not None else heads
        heads = config.whole("num_sliding_attention_heads", _saved_heads(config, kinds) or published)
    config.ignore("num_sliding_attention_heads", "per_layer_config")
    if heads % kv_heads:
        raise config.error("num_attention_heads", f"{heads} is no multiple of {kv_heads} KV heads", "check the file")
    plain = attention(config, num_attention_heads=heads, num_key_value_heads=kv_heads, bias=bias, qk_norm="head")
    window = config.whole("sliding_window") if slides else None
    config.ignore("sliding_window")
    rotated = int(plain.head_dim * _rotated_share(config, kinds, kind))
    return replace(plain, window=window, rotary_dim=rotated, gate_width=heads)


def _rotated_share(config: Config, kinds: tuple[str, ...], kind: str) -> float:
    """By kind in `rope_parameters`, or the entry of the first layer of the kind in `partial_rotary_factors`."""
    rope, shares = config.section("rope_parameters"), config.raw("partial_rotary_factors")
    if rope is not None and (by_kind := rope.section(kind)) is not None:
        return by_kind.number("partial_rotary_factor", 1.0)
    if shares is None:
        return 1.0
    first = kinds.index(kind)
    if not isinstance(shares, (list, tuple)) or len(shares) <= first:
        raise config.error("partial_rotary_factors", "expected a list of numbers, one a layer", "check the file")
    return Config({"share": shares[first]}, f"{config.where} › partial_rotary_factors").number("share", 1.0)


FAMILIES = (
    Family("step3p5", step3p5, {
        "vocab_size": 128815, "hidden_size": 4096, "intermediate_size": 11264, "num_hidden_layers": 45,
        "num_attention_heads": 64, "num_key_value_heads": 8, "num_attention_groups": 8, "head_dim": 128,
        "max_position_embeddings": 128000, "tie_word_embeddings": False, "num_experts_per_tok": 8, "moe_top_k": 8,
        "moe_intermediate_size": 1280, "n_routed_experts": 288, "moe_num_experts": 288, "share_expert_dim": 1280,
        "share_expert_dims": 1280, "gating": True,
    }),
)  # fmt: skip
