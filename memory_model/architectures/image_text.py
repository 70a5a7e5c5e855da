"""The families that read images beside text, each with its towers and what projects their output."""

from __future__ import annotations

from . import llava, qwen2_vl
from .family import Family

FAMILIES: tuple[Family, ...] = (
    *qwen2_vl.FAMILIES,
    *llava.FAMILIES,
)
