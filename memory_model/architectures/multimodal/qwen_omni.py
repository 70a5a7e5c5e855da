"""The thinkers of Qwen2.5-Omni and Qwen3-Omni: a language model that reads images and hears."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from ...model_shape import ModelShape, Tower
from ..config import Config
from ..family import Family
from ..llama import qwen2, qwen3_moe
from .parts import Counted, beside, required, text_section, weight
from .qwen2_vl import QWEN2_5_VISION, qwen2_5_vision
from .qwen3_5 import VISION_DEFAULTS
from .qwen3_vl import deepstack_vision
from .speech_output import qwen2_5_speech, qwen3_speech
from .whisper import WHISPER, audio_section, halving_patches, whisper_layers, whisper_patches


def qwen2_5_omni(config: Config) -> ModelShape:
    """The whole class of transformers: a thinker and, unless `enable_audio_output` is off, what speaks."""
    return _speaking(config, qwen2_5_omni_thinker, qwen2_5_speech, "token2wav_config")


def qwen3_omni_moe(config: Config) -> ModelShape:
    """The whole class of transformers: a thinker and, unless `enable_audio_output` is off, what speaks."""
    return _speaking(config, qwen3_omni_moe_thinker, qwen3_speech, "code2wav_config")


def _speaking(
    config: Config,
    thinker: Callable[[Config], ModelShape],
    speech: Callable[[Config], tuple[Tower, ...]],
    vocoder: str,
) -> ModelShape:
    """Text is what the thinker alone generates: what the talker would remember is not counted."""
    config.ignore("talker_config", vocoder)
    thinking = required(config, "thinker_config", {})
    shape = thinker(thinking)
    thinking.refuse_unread()
    towers = speech(config) if config.flag("enable_audio_output", True) else ()
    return replace(shape, towers=(*shape.towers, *towers))


def qwen2_5_omni_thinker(config: Config) -> ModelShape:
    """Xu et al. 2025, arXiv:2503.20215; transformers modeling_qwen2_5_omni.py."""
    vision = required(config, "vision_config", QWEN2_5_VISION)
    audio = audio_section(config, AUDIO | {"n_window": 100})
    return _thinker(config, TEXT, qwen2, vision, qwen2_5_vision(vision), audio, _marked_patches(audio))


def qwen3_omni_moe_thinker(config: Config) -> ModelShape:
    """Xu et al. 2025, arXiv:2509.17765; transformers modeling_qwen3_omni_moe.py."""
    vision = required(config, "vision_config", VISION_DEFAULTS)
    vision.ignore("image_size", "spatial_patch_size")  # of the tower that was trained on, without a use in the class
    audio = audio_section(config, AUDIO | {"downsample_hidden_size": 480})
    seen = deepstack_vision(vision, "qwen3_omni_moe_vision_encoder")
    return _thinker(config, MOE_TEXT, qwen3_omni_moe_text, vision, seen, audio, halving_patches(audio))


def qwen3_omni_moe_text(config: Config) -> ModelShape:
    """Qwen3 with experts, heads of hidden_size // heads unless stated."""
    head = config.optional("head_dim") or config.whole("hidden_size") // config.whole("num_attention_heads")
    return qwen3_moe(config.changed(head_dim=head))


def _thinker(
    config: Config,
    defaults: Mapping[str, Any],
    build: Callable[[Config], ModelShape],
    vision: Config,
    seen: Counted,
    audio: Config,
    heard: Counted,
) -> ModelShape:
    text = text_section(config, defaults, tied=False)
    config.ignore("seconds_per_chunk", "position_id_per_seconds")
    audio.ignore("n_window", "n_window_infer", "conv_chunksize")
    layers = whisper_layers(audio, key_bias="downsample_hidden_size" in audio.defaults)
    return beside(build, text, vision, audio, vision=seen, audio=chain(heard, layers))


def _marked_patches(config: Config) -> Counted:
    """Whisper's convolutions; marks of the beginning and the end of what is heard."""
    out = config.whole("output_dim")
    yield from whisper_patches(config)
    yield from weight("audio_bos_eos_token", 2, out)
    yield from weight("proj", out, config.whole("hidden_size"), bias=True)


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
AUDIO = WHISPER | {"output_dim": 3584}

FAMILIES = (
    Family("qwen2_5_omni", qwen2_5_omni, {}),
    Family("qwen3_omni_moe", qwen3_omni_moe, {}),
    Family("qwen2_5_omni_thinker", qwen2_5_omni_thinker, {}),
    Family("qwen3_omni_moe_thinker", qwen3_omni_moe_thinker, {}),
)
