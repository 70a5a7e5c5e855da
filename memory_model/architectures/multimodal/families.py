"""The families that read images or hear beside text: a wrapper of towers and of a language model."""

from __future__ import annotations

from ..family import Family
from . import (
    aria,
    audio_text,
    blip,
    chameleon,
    cohere_vision,
    deepseek_ocr2,
    ernie4_5_vl,
    gemma3,
    gemma3n,
    gemma4,
    gemma4_unified,
    glm4v,
    glm5_next,
    granite4_vision,
    granite_docling,
    granite_speech,
    hunyuan_vl,
    idefics,
    internvl,
    janus,
    kimi,
    lfm2_vl,
    llama4,
    llava,
    minimax_m3,
    mistral3,
    mistral_large4,
    mllama,
    molmo2,
    muse_glimmer,
    nemotron_h_omni,
    ocr,
    ovis2,
    paligemma,
    phi4_multimodal,
    qwen2_vl,
    qwen3_5,
    qwen3_vl,
    qwen_omni,
    sam_vision,
    sound_tokenizers,
    step3p7,
    video_llama_3,
)

MODULES = (
    aria, audio_text, blip, chameleon, cohere_vision, deepseek_ocr2, ernie4_5_vl, gemma3, gemma3n, gemma4, gemma4_unified, glm4v, glm5_next, granite4_vision,
    granite_docling, granite_speech, hunyuan_vl, idefics, internvl, janus, kimi, lfm2_vl, llama4, llava,
    minimax_m3, mistral3, mistral_large4, mllama, molmo2, muse_glimmer, nemotron_h_omni, ocr, ovis2, paligemma,
    phi4_multimodal, qwen2_vl, qwen3_5, qwen3_vl, qwen_omni, sam_vision, sound_tokenizers, step3p7, video_llama_3,
)  # fmt: skip
FAMILIES: tuple[Family, ...] = tuple(family for module in MODULES for family in module.FAMILIES)
