"""Aya Vision and Command A Vision: SigLIP, squares of patches through a gated projector, a language model of Cohere.

North Micro Vision has Qwen3-VL's tower instead.
"""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..cohere import COHERE2, cohere_compass_text
from ..config import Config
from ..family import Family
from .language_models import language_model, with_towers
from .parts import Counted, beside, required, text_section, weight
from .qwen3_5 import VISION_DEFAULTS
from .qwen3_vl import deepstack_vision
from .vision_towers import vision_tower


def aya_vision(config: Config) -> ModelShape:
    """Dash et al. 2025, arXiv:2505.08751; transformers modeling_aya_vision.py: a norm before the projector."""
    config.ignore("vision_feature_layer")
    return _cohere_vision(config, None, normed=True)


def cohere2_vision(config: Config) -> ModelShape:
    """Cohere 2025; transformers modeling_cohere2_vision.py."""
    return _cohere_vision(config, 36864, normed=False)


def cohere_compass(config: Config) -> ModelShape:
    """Cohere 2026 (North Micro Vision); transformers modeling_cohere_compass.py."""
    text = text_section(config, {**COHERE2, "model_type": "cohere_compass_text"}, tied=False)
    text.number("logit_scale")  # without one the logits are not scaled, and are there once
    vision = required(config, "vision_config", VISION_DEFAULTS)
    return beside(cohere_compass_text, text, vision, vision=deepstack_vision(vision, "cohere_compass"))


def _cohere_vision(config: Config, otherwise: int | None, *, normed: bool) -> ModelShape:
    text = language_model(config, "cohere2", tied=True)
    vision, tensors = vision_tower(config, "siglip_vision_model")
    hidden_size = text.whole("hidden_size")
    merged = vision.whole("hidden_size") * config.whole("downsample_factor", 2) ** 2
    wide = config.whole("alignment_intermediate_size", otherwise or hidden_size)
    norm = weight("projector.layernorm", merged, bias=True) if normed else ()
    return with_towers(text, vision, vision=chain(tensors, norm, _projector(hidden_size, wide, merged)))


def _projector(hidden_size: int, wide: int, merged: int) -> Counted:
    """The first matrix makes values and their gates, half of its rows each."""
    yield from weight("projector.linear_1", wide, merged, bias=True)
    yield from weight("projector.linear_2", hidden_size, wide // 2, bias=True)


FAMILIES = (
    Family("aya_vision", aya_vision, {}),
    Family("cohere2_vision", cohere2_vision, {}),
    Family("cohere_compass", cohere_compass, {}),
)
