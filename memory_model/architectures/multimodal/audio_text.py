"""Language models that hear: Whisper's encoder, a projector of one or two matrices, any language model.

A second of sound is so many tokens of the context, which the cache holds like those of text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..llama import LLAMA
from .encoder_layers import projector
from .language_models import language_model, with_towers
from .parts import Counted, required, weight
from .whisper import WHISPER, audio_section, halving_patches, whisper, whisper_layers, whisper_patches


def qwen2_audio(config: Config) -> ModelShape:
    """Chu et al. 2024, arXiv:2407.10759; transformers modeling_qwen2_audio.py."""
    config.ignore("vocab_size")
    text, audio = _untied(config, "qwen2"), _audio(config)
    linear = weight("projector.linear", text.whole("hidden_size"), audio.whole("hidden_size"), bias=True)
    return _hearing(text, audio, whisper(audio), linear)


def audioflamingo3(config: Config) -> ModelShape:
    """Goel et al. 2025, arXiv:2507.08128; transformers modeling_audioflamingo3.py; Music Flamingo has the same weights."""
    config.ignore("audio_frame_step", "max_position_embeddings", "head_dim")
    text, audio = _untied(config, "qwen2"), _audio(config)
    width, bias = text.whole("hidden_size"), config.flag("projector_bias", True)
    return _hearing(text, audio, whisper(audio), projector(audio.whole("hidden_size"), width, width, bias=bias))


def voxtral(config: Config) -> ModelShape:
    """Mistral AI 2025, arXiv:2507.13264; transformers modeling_voxtral.py: four frames a token, positions in float32."""
    config.ignore("hidden_size")
    text, audio = _untied(_completed(config, VOXTRAL_TEXT), "llama"), _audio(config)
    audio.ignore("vocab_size")
    width = text.whole("hidden_size")
    encoder = (
        (copies, replace(tensor, pinned="fp32") if tensor.role == "position_embedding" else tensor)
        for copies, tensor in whisper(audio)
    )
    return _hearing(text, audio, encoder, projector(audio.whole("intermediate_size"), width, width, bias=False))


def glmasr(config: Config) -> ModelShape:
    """Z.ai 2025 (GLM-ASR-Nano); transformers modeling_glmasr.py: rotary positions, four frames a token."""
    text, audio = language_model(_completed(config, GLM_TEXT), "llama", tied=True), _audio(config)
    width = text.whole("hidden_size")
    encoder = chain(whisper_patches(audio), whisper_layers(audio))
    return _hearing(text, audio, encoder, projector(audio.whole("intermediate_size"), 2 * width, width))


def qwen3_asr(config: Config) -> ModelShape:
    """Qwen Team 2026, arXiv:2601.21337; transformers modeling_qwen3_asr.py. The first files nest all in `thinker_config`."""
    if config.keys.get("text_config") is None and config.keys.get("thinker_config") is not None:
        config.ignore("thinker_config")
        thinker = required(config, "thinker_config", {})
        shape = qwen3_asr(thinker)
        thinker.refuse_unread()
        return shape
    text = language_model(config, "qwen3", tied=True)
    audio = _audio(config, ASR_AUDIO)
    audio.ignore("n_window", "n_window_infer", "conv_chunksize")
    return _hearing(text, audio, whisper_layers(audio, key_bias=True), halving_patches(audio))


def moss_transcribe_diarize(config: Config) -> ModelShape:
    """MOSS 2026; transformers modeling_moss_transcribe_diarize.py: `audio_merge_size` frames a token, a norm behind."""
    config.ignore("audio_chunk_size")
    text = language_model(config, "qwen3", tied=True)
    audio = _audio(config, MOSS_AUDIO)
    width, bias = text.whole("hidden_size"), config.flag("projector_bias", True)
    merged = audio.whole("hidden_size") * config.whole("audio_merge_size", 4)
    norm = weight("projector.norm", width, bias=True)
    return _hearing(text, audio, whisper(audio), chain(projector(merged, width, width, bias=bias), norm))


def _audio(config: Config, defaults: Mapping[str, Any] = WHISPER) -> Config:
    """The encoder's section; every class has as many KV heads as query heads, of the width that they share."""
    audio = audio_section(config, defaults)
    width, heads = audio.wholes("hidden_size", "num_attention_heads")
    audio.must_be("num_key_value_heads", None, heads)
    audio.must_be("head_dim", None, width // heads)
    audio.ignore("avg_pool_kernel_size", "avg_pool_stride", "max_position_embeddings")
    return audio


def _completed(config: Config, text: Mapping[str, Any]) -> Config:
    """The file, its text section completed by what its own class takes for missing keys."""
    given = required(config, "text_config", {}).keys
    return Config({**config.keys, "text_config": {**text, **given}}, config.where)


def _untied(config: Config, otherwise: str) -> Config:
    """The language model of a class that never ties its embeddings."""
    config.must_be("tie_word_embeddings", False)
    return language_model(config, otherwise)


def _hearing(text: Config, audio: Config, encoder: Counted, behind: Counted) -> ModelShape:
    return with_towers(text, audio, audio=chain(encoder, behind))


VOXTRAL_TEXT = LLAMA | {
    "vocab_size": 131072, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 30,
    "num_key_value_heads": 8, "max_position_embeddings": 131072, "head_dim": 128,
}  # fmt: skip
GLM_TEXT = LLAMA | {
    "vocab_size": 59264, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28,
    "num_attention_heads": 16, "num_key_value_heads": 4, "max_position_embeddings": 8192,
}  # fmt: skip
ASR_AUDIO = WHISPER | {
    "encoder_layers": 24, "encoder_attention_heads": 16, "encoder_ffn_dim": 4096, "d_model": 1024, "output_dim": 3584,
    "downsample_hidden_size": 480,
}  # fmt: skip
MOSS_AUDIO = WHISPER | {
    "num_mel_bins": 80, "encoder_layers": 24, "encoder_attention_heads": 16, "encoder_ffn_dim": 4096, "d_model": 1024,
}  # fmt: skip

FAMILIES = (
    Family("qwen2_audio", qwen2_audio, {}),
    Family("audioflamingo3", audioflamingo3, {}),
    Family("musicflamingo", audioflamingo3, {}),
    Family("voxtral", voxtral, {}),
    Family("glmasr", glmasr, {}),
    Family("qwen3_asr", qwen3_asr, {}),
    Family("moss_transcribe_diarize", moss_transcribe_diarize, {}),
)
