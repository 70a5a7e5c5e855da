"""Voxtral Realtime: a language model that hears while it writes, behind a causal encoder of sound."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from ...model_shape import ModelShape
from ...tensors import Tensor
from ..config import Config
from ..decoder import with_tensors
from ..family import Family
from ..llama import LLAMA, mistral
from .encoder_layers import projector
from .parts import Counted, beside, text_section, weight
from .whisper import audio_section, whisper_patches

CONDITION = 32
"""Inner values of the network that scales what an MLP reads by the delay (modeling_voxtral_realtime.py)."""


def voxtral_realtime_text(config: Config) -> ModelShape:
    """Mistral's layers, whose MLP reads what it is given times a scale of the delay; without the encoder."""
    shape, width = mistral(config), config.whole("hidden_size")
    scales = (
        Tensor("ada_rms_norm.linear1", CONDITION, width, part="mlp"),
        Tensor("ada_rms_norm.linear2", width, CONDITION, part="mlp"),
    )
    return replace(shape, layers=with_tensors(shape.layers, *scales))


def voxtral_realtime(config: Config) -> ModelShape:
    """Mistral AI 2026; transformers modeling_voxtral_realtime.py: `downsample_factor` frames a token."""
    config.ignore("audio_length_per_tok", "default_num_delay_tokens", "hidden_size")
    text, audio = text_section(config, TEXT, tied=True), audio_section(config, AUDIO)
    width = text.whole("hidden_size")
    joined = projector(audio.whole("hidden_size") * config.whole("downsample_factor", 4), width, width, bias=False)
    return beside(voxtral_realtime_text, text, audio, audio=chain(_encoder(audio), joined))


def _encoder(config: Config) -> Counted:
    """Two convolutions, then layers with RMSNorms, rotated heads of a stated size, and gated MLPs; a norm behind them."""
    config.ignore("vocab_size", "sliding_window", "max_position_embeddings", "layerdrop", "encoder_layerdrop")
    width, mlp, layers = config.wholes("hidden_size", "intermediate_size", "num_hidden_layers")
    inner = config.whole("num_attention_heads") * config.whole("head_dim")
    config.must_be("num_key_value_heads", None, config.whole("num_attention_heads"))
    yield from whisper_patches(config)
    yield from weight("q_proj v_proj", inner, width, copies=layers, bias=True)
    yield from weight("k_proj", inner, width, copies=layers)
    yield from weight("o_proj", width, inner, copies=layers, bias=True)
    yield from weight("gate_proj up_proj", mlp, width, copies=layers)
    yield from weight("down_proj", width, mlp, copies=layers, bias=True)
    yield from weight("self_attn_layer_norm final_layer_norm", width, copies=layers)
    yield from weight("norm", width)


TEXT = LLAMA | {
    "model_type": "voxtral_realtime_text", "vocab_size": 131072, "hidden_size": 3072, "intermediate_size": 9216,
    "num_hidden_layers": 26, "num_key_value_heads": 8, "max_position_embeddings": 131072, "head_dim": 128,
    "sliding_window": 8192,
}  # fmt: skip
AUDIO = {
    "num_mel_bins": 128, "encoder_layers": 32, "encoder_attention_heads": 32, "encoder_ffn_dim": 5120,
    "d_model": 1280, "head_dim": 64,
}  # fmt: skip

FAMILIES = (Family("voxtral_realtime", voxtral_realtime, {"text_config": {}, "audio_config": {}}),)
