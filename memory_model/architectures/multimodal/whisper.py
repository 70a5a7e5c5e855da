"""Whisper's audio encoder (Radford et al. 2022, arXiv:2212.04356), which most language models that hear took over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config import Config
from .encoder_layers import gelu_mlp, heads
from .parts import Counted, required, weight

WHISPER = {
    "num_mel_bins": 128, "encoder_layers": 32, "encoder_attention_heads": 20, "encoder_ffn_dim": 5120,
    "d_model": 1280, "max_source_positions": 1500,
}  # fmt: skip


def audio_section(config: Config, defaults: Mapping[str, Any] = WHISPER) -> Config:
    """`audio_config` of a class with this encoder, under the names that towers of images have."""
    return required(config, "audio_config", defaults).renamed(
        hidden_size="d_model", intermediate_size="encoder_ffn_dim", num_hidden_layers="encoder_layers",
        num_attention_heads="encoder_attention_heads",
    )  # fmt: skip


def whisper(config: Config) -> Counted:
    """The encoder as it is: two convolutions over time, learned positions, and the layers."""
    width = config.whole("hidden_size")
    yield from whisper_patches(config)
    yield from weight("position_embedding", config.whole("max_source_positions"), width)
    yield from whisper_layers(config)


def whisper_patches(config: Config) -> Counted:
    """Two convolutions over three frames, of which the second halves time."""
    width = config.whole("hidden_size")
    yield from weight("conv1", width, 3 * config.whole("num_mel_bins"), bias=True)
    yield from weight("conv2", width, 3 * width, bias=True)


def whisper_layers(config: Config, *, key_bias: bool = False) -> Counted:
    """Layers with LayerNorms and biases everywhere but on keys, unless `key_bias` is set; a norm behind them."""
    config.ignore("max_source_positions", "encoder_layerdrop", "layerdrop")
    width, mlp, layers = config.wholes("hidden_size", "intermediate_size", "num_hidden_layers")
    heads(config, width)
    yield from weight("q_proj v_proj out_proj", width, width, copies=layers, bias=True)
    yield from weight("k_proj", width, width, copies=layers, bias=key_bias)
    yield from gelu_mlp(layers, width, mlp)
    yield from weight("self_attn_layer_norm final_layer_norm", width, copies=layers, bias=True)
    yield from weight("ln_post", width, bias=True)


def halving_patches(config: Config) -> Counted:
    """Three convolutions that halve time and frequencies, and two matrices behind the layers (Qwen3-Omni, Qwen3-ASR)."""
    width, out, channels = config.wholes("hidden_size", "output_dim", "downsample_hidden_size")
    rows = config.whole("num_mel_bins")
    for _ in range(3):
        rows = (rows + 1) // 2
    for role, inside in (("conv2d1", 9), ("conv2d2", 9 * channels), ("conv2d3", 9 * channels)):
        yield from weight(role, channels, inside, bias=True)
    yield from weight("conv_out", width, channels * rows)
    yield from weight("proj1", width, width, bias=True)
    yield from weight("proj2", out, width, bias=True)
