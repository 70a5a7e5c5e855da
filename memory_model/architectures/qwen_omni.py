"""The thinkers of Qwen2.5-Omni and Qwen3-Omni: a language model that reads images and hears."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from ..model_shape import ModelShape, Tower
from .config import Config
from .family import Family
from .llama import qwen2, qwen3_moe
from .multimodal import Counted, matrix, required, scale
from .qwen2_vl import QWEN2_5_VISION, qwen2_5_vision
from .qwen3_5_vision import VISION_DEFAULTS
from .qwen3_vl import deepstack_vision


def qwen2_5_omni_thinker(config: Config) -> ModelShape:
    """Xu et al. 2025, arXiv:2503.20215; transformers modeling_qwen2_5_omni.py."""
    vision = required(config, "vision_config", QWEN2_5_VISION)
    audio = required(config, "audio_config", AUDIO | {"n_window": 100})
    return _thinker(config, TEXT, qwen2, vision, qwen2_5_vision(vision), audio, _whisper_patches(audio))


def qwen3_omni_moe_thinker(config: Config) -> ModelShape:
    """Xu et al. 2025, arXiv:2509.17765; transformers modeling_qwen3_omni_moe.py."""
    vision = required(config, "vision_config", VISION_DEFAULTS)
    audio = required(config, "audio_config", AUDIO | {"downsample_hidden_size": 480})
    seen = deepstack_vision(vision, "qwen3_omni_moe_vision_encoder")
    return _thinker(config, MOE_TEXT, qwen3_omni_moe_text, vision, seen, audio, _halving_patches(audio))


def qwen3_omni_moe_text(config: Config) -> ModelShape:
    """Qwen3 with experts, heads of hidden_size // heads unless stated."""
    head = config.optional("head_dim") or config.whole("hidden_size") // config.whole("num_attention_heads")
    other = Config({**config.keys, "head_dim": head}, config.where, config.defaults)
    other.read = config.read
    return qwen3_moe(other)


def _thinker(
    config: Config,
    defaults: Mapping[str, Any],
    build: Callable[[Config], ModelShape],
    vision: Config,
    seen: Counted,
    audio: Config,
    heard: Counted,
) -> ModelShape:
    text = required(config, "text_config", defaults)
    text.ignore("quantization_config")
    config.ignore("seconds_per_chunk", "position_id_per_seconds")
    stated = {"tie_word_embeddings": config.flag("tie_word_embeddings"), "model_type": defaults["model_type"]}
    text = Config({**text.keys, **stated}, text.where, defaults)
    shape = build(text)
    towers = (Tower("vision", tuple(seen)), Tower("audio", tuple(chain(heard, _whisper(audio)))))
    for section in (text, vision, audio):
        section.refuse_unread()
    return replace(shape, towers=towers)


def _whisper(config: Config) -> Counted:
    """Whisper's encoder (Radford et al. 2022, arXiv:2212.04356), its positions computed."""
    config.ignore("max_source_positions", "n_window", "n_window_infer", "conv_chunksize", "num_hidden_layers")
    width, layers, mlp = config.whole("d_model"), config.whole("encoder_layers"), config.whole("encoder_ffn_dim")
    config.whole("encoder_attention_heads")
    for role in ("q_proj", "v_proj", "out_proj"):
        yield from matrix("audio", layers, role, width, width, bias=True)
    yield from matrix("audio", layers, "k_proj", width, width, bias="downsample_hidden_size" in config.defaults)
    yield from matrix("audio", layers, "fc1", mlp, width, bias=True)
    yield from matrix("audio", layers, "fc2", width, mlp, bias=True)
    for role in ("self_attn_layer_norm", "final_layer_norm"):
        yield from scale("audio", layers, role, width, bias=True)
    yield from scale("audio", 1, "ln_post", width, bias=True)


def _whisper_patches(config: Config) -> Counted:
    """Two convolutions over time; marks of the beginning and the end of what is heard."""
    width, out = config.whole("d_model"), config.whole("output_dim")
    yield from matrix("audio", 1, "conv1", width, 3 * config.whole("num_mel_bins"), bias=True)
    yield from matrix("audio", 1, "conv2", width, 3 * width, bias=True)
    yield from matrix("audio", 1, "audio_bos_eos_token", 2, out)
    yield from matrix("audio", 1, "proj", out, width, bias=True)


def _halving_patches(config: Config) -> Counted:
    """Three convolutions that halve time and frequencies, and two matrices behind the layers."""
    width, out, channels = config.whole("d_model"), config.whole("output_dim"), config.whole("downsample_hidden_size")
    rows = config.whole("num_mel_bins")
    for _ in range(3):
        rows = (rows + 1) // 2
    for role, inside in (("conv2d1", 9), ("conv2d2", 9 * channels), ("conv2d3", 9 * channels)):
        yield from matrix("audio", 1, role, channels, inside, bias=True)
    yield from matrix("audio", 1, "conv_out", width, channels * rows)
    yield from matrix("audio", 1, "proj1", width, width, bias=True)
    yield from matrix("audio", 1, "proj2", out, width, bias=True)


TEXT = {
    "model_type": "qwen2_5_omni_text", "vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944,
    "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4, "max_position_embeddings": 32768,
    "use_sliding_window": False, "sliding_window": 32768, "max_window_layers": 28, "tie_word_embeddings": True,
}  # fmt: skip
MOE_TEXT = {
    "model_type": "qwen3_omni_moe_text", "vocab_size": 3584, "hidden_size": 2048, "intermediate_size": 18944,
    "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4, "max_position_embeddings": 32768,
    "decoder_sparse_step": 1, "moe_intermediate_size": 768, "num_experts_per_tok": 8, "num_local_experts": 128,
    "tie_word_embeddings": False,
}  # fmt: skip
AUDIO = {
    "num_mel_bins": 128, "encoder_layers": 32, "encoder_attention_heads": 20, "encoder_ffn_dim": 5120,
    "d_model": 1280, "output_dim": 3584,
}  # fmt: skip

FAMILIES = (
    Family("qwen2_5_omni_thinker", qwen2_5_omni_thinker, {}),
    Family("qwen3_omni_moe_thinker", qwen3_omni_moe_thinker, {}),
)
