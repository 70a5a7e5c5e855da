"""Models that neither vLLM nor SGLang runs: they have no class for them, and their modeling code cannot be taken instead."""

from __future__ import annotations

from ...errors import InputError
from ...model_shape import ModelShape

WITHOUT_CLASS = (
    "bailing_hybrid", "biogpt", "codegen", "diffllama", "flint", "gpt_neo", "gpt_neox_japanese", "granite_swa",
    "granitemoe_swa", "lfm3", "xglm", "youtu", "doge", "granite_speech_plus", "jetmoe", "openai-gpt", "rwkv", "xlstm",
    "zamba", "instructblip", "instructblipvideo", "moss_transcribe_diarize", "pp_chart2table",
    "fun_asr_nano", "vibevoice_asr", "mistral_large4_text", "hy_v4", "glm5_next_text",
)  # fmt: skip
"""Missing in vLLM's model_executor/models/registry.py; both engines' backends for transformers need a model whose
attention can be exchanged, which `_supports_attention_backend` says in transformers 5.23, and that keeps keys and values
alone, which one call of attention reads: no latent rows, no states of convolutions, no sinks, no second call."""
DROPPED = ("mllama",)
"""Wrappers that vLLM had until 0.10.2 (registry.py, _PREVIOUSLY_SUPPORTED_MODELS), and SGLang has."""


def has_class(model: ModelShape) -> bool:
    """Whether both engines have a way to run a model; vLLM none of those in `DROPPED`."""
    return model.modeling not in WITHOUT_CLASS and model.model_type not in WITHOUT_CLASS


def check_class(model: ModelShape, label: str) -> None:
    """Raise InputError for a model that the engine has no way to run."""
    if not has_class(model):
        raise InputError(f"model: {label} has no architecture for model_type {model.model_type}; use transformers")
