"""The vision towers that a wrapper's `vision_config` may name, where the wrapper takes any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..config import Config
from .clip import CLIP, clip_tensors
from .mistral3 import PIXTRAL, pixtral
from .parts import Counted, required
from .siglip import SIGLIP2, VISION_DEFAULTS, siglip2_tensors, siglip_tensors
from .timm import timm_tensors

TOWERS: Mapping[str, tuple[Mapping[str, Any], Callable[[Config], Counted]]] = {
    "clip_vision_model": (CLIP, clip_tensors),
    "siglip_vision_model": (VISION_DEFAULTS, siglip_tensors),
    "siglip2_vision_model": (SIGLIP2, siglip2_tensors),
    "pixtral": (PIXTRAL, pixtral),
    "timm_wrapper": ({}, timm_tensors),
}
"""By the model_type of the section: the defaults of its class, and what it stores."""


def vision_tower(config: Config, otherwise: str) -> tuple[Config, Counted]:
    """`vision_config` and what its tower stores; `otherwise` is the kind of a section that names none."""
    kind = required(config, "vision_config", {}).text("model_type", otherwise, tuple(TOWERS))
    defaults, tensors = TOWERS[kind]
    section = required(config, "vision_config", {**defaults, "model_type": kind})
    return section, tensors(section)
