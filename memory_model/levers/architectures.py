"""Smaller architectures as what-ifs: edits of the model's own config keys, which someone would have to train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..errors import InputError
from ..model_shape import ModelShape
from .change import Asked, Change, Price, model_of, refuse
from .what_if import LAYER_KEYS, SECTION, Value, edited

EXPERT_KEYS = ("num_experts", "n_routed_experts", "num_local_experts")
WINDOW = 4096
"""Tokens; as in Mistral 7B (arXiv:2310.06825 §2)."""
LATENT, ROTATED = 512, 64
"""The latent and rotated sizes of DeepSeek-V2 and V3 (arXiv:2405.04434 §2.1.4)."""
GATED = ("llama", "mistral", "qwen2", "qwen3")
"""Dense models whose layers are MiniCPM3's but for the attention: two RMSNorms and a gated MLP."""
Edits = tuple[tuple[str, Value], ...]


def _place(model: ModelShape, *names: str) -> tuple[str, Any]:
    """The first of several keys that the config has, with its section and value. Raises InputError."""
    section = model.config.get(SECTION)
    for name in names:
        if isinstance(section, dict) and section.get(name) is not None:
            return f"{SECTION}.{name}", section[name]
        if model.config.get(name) is not None:
            return name, model.config[name]
    raise refuse(names[0], "the model's config has no such key")


def _whole(model: ModelShape, *names: str) -> tuple[str, int]:
    key, value = _place(model, *names)
    if type(value) is not int:
        raise refuse(key, "is no whole number")
    return key, value


def _halved(model: ModelShape, *names: str) -> Edits:
    key, value = _whole(model, *names)
    if value < 2:
        raise refuse(key, f"{value} cannot be halved")
    return ((key, value // 2),)


def _kv_heads(divisor: int) -> Callable[[ModelShape], Edits]:
    def edits(model: ModelShape) -> Edits:
        query, heads = _whole(model, "num_attention_heads")
        prefix = query.removesuffix("num_attention_heads")
        try:
            key, now = _whole(model, "num_key_value_heads")
        except InputError:
            key, now = f"{prefix}num_key_value_heads", heads  # a key that is missing means as many as query heads
        if now < divisor:
            raise refuse(key, f"{now} cannot be divided by {divisor}")
        return ((key, now // divisor),)

    return edits


def _narrower(model: ModelShape) -> Edits:
    return _halved(model, "sliding_window")


def _layers(model: ModelShape) -> Edits:
    return _halved(model, *LAYER_KEYS)


def _experts(model: ModelShape) -> Edits:
    return _halved(model, *EXPERT_KEYS)


def _latent_size(model: ModelShape) -> Edits:
    return _halved(model, "kv_lora_rank")


def _edits(find: Callable[[ModelShape], Edits]) -> Callable[[Asked], Asked]:
    def apply(asked: Asked) -> Asked:
        model = model_of(asked)
        return replace(asked, model=edited(model, find(model)))

    return apply


def _window_everywhere(asked: Asked) -> Asked:
    """Windows as the family has them, in every layer; Llama becomes Mistral, which is Llama with a window."""
    model = model_of(asked)
    kind = model.model_type
    if kind == "llama":
        if model.config.get("attention_bias") or model.config.get("mlp_bias"):
            raise refuse("sliding_window", "Mistral's layers have no biases")
        values: Edits = (("model_type", "mistral"), ("sliding_window", WINDOW))
        return replace(asked, model=edited(model, values, without=("attention_bias", "mlp_bias")))
    if kind in ("mistral", "mixtral", "phi3", "starcoder2"):
        return replace(asked, model=edited(model, (("sliding_window", WINDOW),)))
    if kind in ("qwen2", "qwen3", "qwen3_moe"):
        values = (("use_sliding_window", True), ("sliding_window", WINDOW), ("max_window_layers", 0))
        return replace(asked, model=edited(model, values, without=("layer_types",)))
    raise refuse("sliding_window", f"{kind} has no window in every layer")


def _latent(asked: Asked) -> Asked:
    """MiniCPM3's layers, which are those of a gated dense model with latent attention (arXiv:2502.07864 converts so)."""
    model = model_of(asked)
    if model.model_type not in GATED:
        raise refuse("kv_lora_rank", f"{model.model_type} has no sibling with latent attention")
    _, heads = _whole(model, "num_attention_heads")
    head_dim = model.config.get("head_dim") or model.hidden_size // heads
    kept = {
        key: model.config[key]
        for key in ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                    "max_position_embeddings", "tie_word_embeddings")
        if key in model.config
    }  # fmt: skip
    values: dict[str, Any] = kept | {
        "model_type": "minicpm3", "q_lora_rank": None, "kv_lora_rank": LATENT, "qk_rope_head_dim": ROTATED,
        "qk_nope_head_dim": head_dim, "v_head_dim": head_dim,
    }  # fmt: skip
    return replace(asked, model=edited(model, tuple(values.items()), without=tuple(model.config)))


def _change(id_: str, label: str, words: str, slot: str, apply: Callable[[Asked], Asked]) -> Change:
    return Change(id_, label, words, "architecture", Price.TRAINING, slot, apply)


ARCHITECTURES = (
    _change("kv-heads-half", "Half the KV heads", "Twice as many query heads share one head of keys and values.", "num_key_value_heads", _edits(_kv_heads(2))),
    _change("kv-heads-quarter", "A quarter of the KV heads", "Four times as many query heads share one head of keys and values.", "num_key_value_heads", _edits(_kv_heads(4))),
    _change("window-4096", "A window of 4,096 in every layer", "Every layer attends to the last 4,096 tokens only.", "sliding_window", _window_everywhere),
    _change("window-half", "Half the window", "Layers with a window attend to half as many tokens.", "sliding_window", _edits(_narrower)),
    _change("latent-attention", "Latent attention", "One compressed row of 512 + 64 values a token instead of keys and values of every head.", "num_key_value_heads", _latent),
    _change("latent-half", "Half the latent row", "The compressed row that stands for keys and values is half as wide.", "kv_lora_rank", _edits(_latent_size)),
    _change("layers-half", "Half the layers", "Half as many layers, each as it is.", "num_hidden_layers", _edits(_layers)),
    _change("experts-half", "Half the experts", "Half as many experts to choose from, as many active.", "num_experts", _edits(_experts)),
)  # fmt: skip
