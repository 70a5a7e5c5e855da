"""Muse Glimmer: gated attention with two KV heads, windows in three of four layers, four norms, a large vision tower."""

from __future__ import annotations

from itertools import chain

from ...blocks.mlp import DenseMlp
from ...model_shape import ModelShape
from ..config import Config
from ..decoder import attention, decoder, layer_types, num_hidden_layers, stack, windowed
from ..family import Family
from ..gemma import NORMS
from .encoder_layers import gelu_mlp
from .parts import Counted, beside, required, text_section, weight


def muse_glimmer_text(config: Config) -> ModelShape:
    """Meta 2026; transformers modeling_muse_glimmer.py: every fourth layer, counted from the last, is full."""
    config.ignore("layer_rope_theta")
    count, bias = num_hidden_layers(config), config.flag("attention_bias")
    kinds = layer_types(config, lambda i: (count - 1 - i) % 4 != 0)
    mixers = windowed(attention(config, bias=bias, output_gate=True), config.optional("sliding_window"), kinds)
    return decoder(config, stack(config, mixers, DenseMlp(config.whole("intermediate_size")), NORMS))


def muse_glimmer(config: Config) -> ModelShape:
    """The language model, its vision tower, and the adapter between them."""
    text, vision = text_section(config, TEXT), required(config, "vision_config", VISION)
    return beside(muse_glimmer_text, text, vision, vision=chain(_vision(vision), _adapter(config, text)))


def _vision(config: Config) -> Counted:
    config.ignore("num_attention_heads", "layer_types", "merge_size")
    width, mlp, layers = config.wholes("hidden_size", "intermediate_size", "num_hidden_layers")
    patch = 3 * config.whole("patch_temporal") * config.whole("patch_size") ** 2
    positions = config.whole("pos_emb_height") * config.whole("pos_emb_width")
    yield from weight("patch_embedding", width, patch)
    yield from weight("position_embedding", positions, width)
    yield from weight("ln_pre ln_post", width, bias=True)
    yield from weight("norm1 norm2", width, copies=layers, bias=True)
    yield from weight("q_proj k_proj v_proj proj", width, width, copies=layers, bias=True)
    yield from gelu_mlp(layers, width, mlp)


def _adapter(config: Config, text: Config) -> Counted:
    inner = config.whole("projector_hidden_size", 4096)
    yield from weight("adapter.fc1", inner, config.whole("out_hidden_size", 6144))
    yield from weight("adapter.fc2", inner, inner)
    yield from weight("projection", text.whole("hidden_size"), inner)


TEXT = {
    "model_type": "muse_glimmer_text", "vocab_size": 202048, "hidden_size": 6656, "intermediate_size": 19968,
    "num_hidden_layers": 52, "num_attention_heads": 32, "num_key_value_heads": 2, "head_dim": 128,
    "max_position_embeddings": 131072, "tie_word_embeddings": False, "sliding_window": 2048,
}  # fmt: skip
VISION = {
    "patch_size": 14, "pos_emb_height": 32, "pos_emb_width": 32, "num_attention_heads": 16, "num_hidden_layers": 50,
    "hidden_size": 1536, "intermediate_size": 8960, "patch_temporal": 2,
}  # fmt: skip

FAMILIES = (
    Family("muse_glimmer", muse_glimmer, {}),
    Family("muse_glimmer_text", muse_glimmer_text, TEXT),
)
