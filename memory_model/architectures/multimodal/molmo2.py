"""Molmo 2: features of two layers of the tower, pooled by attention, a language model with rows for image tokens."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from ...blocks.mlp import DenseMlp
from ...model_shape import ModelShape
from ...tensors import Tensor
from ..config import Config
from ..decoder import attention, decoder, stack
from ..family import Family
from ..llama import NORMS
from .encoder_layers import gelu_mlp, sides
from .parts import Counted, beside, required, text_section, weight


def molmo2(config: Config) -> ModelShape:
    """Clark et al. 2026, arXiv:2601.10611; transformers modeling_molmo2.py. Files of the older layout are refused."""
    config.must_be("vit_config", None)
    text = text_section(config, TEXT, tied=False)
    vision, adapter = required(config, "vision_config", VISION), required(config, "adapter_config", ADAPTER)
    return beside(molmo2_text, text, vision, adapter, vision=chain(_vision(vision), _adapter(adapter)))


def molmo2_text(config: Config) -> ModelShape:
    """`norm_after` puts the norms behind attention and MLP, `qk_norm_type` olmo norms all queries at once."""
    config.must_be("tie_word_embeddings", False)
    config.ignore("rope_scaling_layers")  # both pairs of tables are computed, whichever layers read which
    kind = config.text("qk_norm_type", "qwen3", ("qwen3", "olmo"))
    bias = config.flag(config.spelled("attention_bias", "qkv_bias"))
    mixer = attention(config, qkv_bias=bias, qk_norm="head" if kind == "qwen3" else "full")
    shape = decoder(config, stack(config, mixer, DenseMlp(config.whole("intermediate_size")), NORMS))
    rows = config.whole("vocab_size") + config.whole("additional_vocab_size", least=0)
    table = Tensor("embed_tokens", rows, config.whole("hidden_size"), part="embedding")
    modeling = "molmo2_text, norms behind" if config.flag("norm_after") else shape.modeling
    return replace(shape, embeddings=(table,), modeling=modeling)


def _vision(config: Config) -> Counted:
    """Molmo2VisionModel: SigLIP's layers without a norm behind them."""
    width, layers, patch = config.wholes("hidden_size", "num_hidden_layers", "patch_size")
    high, wide = sides(config, "image_size")
    places = config.whole("num_position_embeddings", (high // patch) * (wide // patch))
    yield from weight("positional_embedding", places, width)
    yield from weight("patch_embedding", width, config.whole("num_channels") * patch * patch, bias=True)
    yield from weight("layer_norm1 layer_norm2", width, copies=layers, bias=True)
    yield from _attention(config, layers, "", width)
    yield from gelu_mlp(layers, width, config.whole("intermediate_size"))


def _attention(config: Config, count: int, name: str, inside: int) -> Counted:
    """Heads of a size of their own; what they read is `inside` wide."""
    head, bias = config.whole("head_dim"), config.flag("attention_bias", True)
    queries, keys = config.whole("num_attention_heads") * head, config.whole("num_key_value_heads") * head
    yield from weight(f"{name}q_proj", queries, inside, copies=count, bias=bias)
    yield from weight(f"{name}k_proj {name}v_proj", keys, inside, copies=count, bias=bias)
    yield from weight(f"{name}o_proj", config.whole("hidden_size"), queries, copies=count, bias=bias)


def _adapter(config: Config) -> Counted:
    """Pooling over the features of several layers, then a gated MLP into the text's width."""
    layers = config.raw("vision_feature_layer")
    several = 2 if layers is None else len(layers) if isinstance(layers, (list, tuple)) else 1
    width, wide, bias = config.whole("hidden_size"), config.whole("intermediate_size"), config.flag("mlp_bias")
    yield from _attention(config, 1, "image_pooling_2d.", width * several)
    yield from weight("image_projector.gate_proj image_projector.up_proj", wide, width, bias=bias)
    yield from weight("image_projector.down_proj", config.whole("text_hidden_size"), wide)


TEXT = {
    "model_type": "molmo2_text", "vocab_size": 151936, "additional_vocab_size": 128, "hidden_size": 4096,
    "intermediate_size": 12288, "num_hidden_layers": 36, "num_attention_heads": 32, "num_key_value_heads": 8,
    "head_dim": 128, "max_position_embeddings": 36864, "tie_word_embeddings": False,
}  # fmt: skip
VISION = {
    "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 25, "num_attention_heads": 16,
    "num_key_value_heads": 16, "head_dim": 72, "image_size": (378, 378), "patch_size": 14, "num_channels": 3,
}  # fmt: skip
ADAPTER = {
    "hidden_size": 1152, "num_attention_heads": 16, "num_key_value_heads": 16, "head_dim": 72,
    "intermediate_size": 18944, "text_hidden_size": 3584,
}  # fmt: skip

FAMILIES = (
    Family("molmo2", molmo2, {}),
    Family("molmo2_text", molmo2_text, TEXT),
)
