"""Gemma 3 with SigLIP's tower: patches are pooled, normed, and projected by one matrix."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ...tensors import norm
from ..config import Config
from ..family import Family
from ..gemma import GEMMA3_TEXT, gemma3_text
from .parts import beside, required, text_section, weight
from .siglip import VISION_DEFAULTS, siglip_tensors


def gemma3(config: Config) -> ModelShape:
    """Gemma Team 2025, arXiv:2503.19786; transformers modeling_gemma3.py, which ShieldGemma 2 answers by (arXiv:2504.01081)."""
    text, vision = text_section(config, GEMMA3_TEXT), required(config, "vision_config", VISION_DEFAULTS)
    width, hidden_size = vision.whole("hidden_size"), text.whole("hidden_size")
    normed = ((1, tensor) for tensor in norm("mm_soft_emb_norm", width))
    projector = weight("mm_input_projection", width, hidden_size)
    return beside(gemma3_text, text, vision, vision=chain(siglip_tensors(vision), normed, projector))


FAMILIES = (
    Family("gemma3", gemma3, {"text_config": {}, "vision_config": {}}),
    Family("shieldgemma2", gemma3, {"text_config": {}, "vision_config": {}}),
)
