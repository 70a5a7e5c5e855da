"""The families that read images beside text, each with its towers and what projects their output."""

from __future__ import annotations

from . import (
    aria,
    cohere_vision,
    ernie4_5_vl,
    gemma4_unified,
    glm4v,
    granite4_vision,
    idefics,
    internvl,
    janus,
    lfm2_vl,
    llava,
    mllama,
    molmo2,
    ocr,
    ovis2,
    paligemma,
    phi4_multimodal,
    qwen2_vl,
    qwen_omni,
    sam_vision,
    step3p7,
    video_llama_3,
)
from .family import Family

FAMILIES: tuple[Family, ...] = (
    *qwen2_vl.FAMILIES,
    *llava.FAMILIES,
    *internvl.FAMILIES,
    *idefics.FAMILIES,
    *glm4v.FAMILIES,
    *cohere_vision.FAMILIES,
    *lfm2_vl.FAMILIES,
    *paligemma.FAMILIES,
    *ovis2.FAMILIES,
    *sam_vision.FAMILIES,
    *ocr.FAMILIES,
    *video_llama_3.FAMILIES,
    *mllama.FAMILIES,
    *aria.FAMILIES,
    *molmo2.FAMILIES,
    *ernie4_5_vl.FAMILIES,
    *qwen_omni.FAMILIES,
    *gemma4_unified.FAMILIES,
    *janus.FAMILIES,
    *granite4_vision.FAMILIES,
    *step3p7.FAMILIES,
    *phi4_multimodal.FAMILIES,
)
