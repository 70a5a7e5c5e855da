"""What differs between scenarios, in words: the choices that are not the same, and the bytes that this makes."""

from __future__ import annotations

from collections.abc import Mapping

from memory_model.amount import MemoryBreakdown
from memory_model.presets import devices, engines

from .format_names import cache_name, weights_name
from .own_models import shape
from .parameter import OWN, Value
from .parameters import SCENARIO
from .refusals import key_name
from .theme import STACK
from .wording import amount


def choices(first: Mapping[str, Value], other: Mapping[str, Value]) -> list[str]:
    """Each choice of `other` that is not that of `first`: `weight format: AWQ int4 instead of as published`."""
    return [
        f"{key_name(key)}: {_said(key, other[key])} instead of {_said(key, first[key])}"
        for key in (parameter.key for parameter in SCENARIO)
        if key in first and key in other and first[key] != other[key]
    ]


def difference(first: MemoryBreakdown, other: MemoryBreakdown, unit: str) -> str:
    """The total and every component of `other` that is not as large as in `first`, with its sign; then host memory."""
    if other.bytes == first.bytes:
        total = "the same total"
    else:
        total = f"{_signed(int(other.bytes) - int(first.bytes), unit)} in all"
    changed = [
        f"{style.label} {_signed(int(other[style.name].bytes) - int(first[style.name].bytes), unit)}"
        for style in STACK
        if other[style.name].bytes != first[style.name].bytes
    ]
    said = f"{total}: {', '.join(changed)}" if changed else total
    held, before = (sum(int(part.bytes) for part in memory.host) for memory in (other, first))
    return said if held == before else f"{said}; {_signed(held - before, unit)} in host memory"


def _signed(size: int, unit: str) -> str:
    return f"{'+' if size > 0 else '−'}{amount(abs(size), unit)}"


def _said(key: str, value: Value) -> str:
    """A choice by its name on the page, not by its name in the link."""
    if key == "model":
        return shape(str(value)).name
    if key == "device":
        return "none" if value == "none" else devices()[str(value)].name
    if key == "engine":
        return engines()[str(value)].facts.label
    if key == "weights":
        return "as published" if value == "published" else weights_name(str(value))
    if value in (OWN, None):
        return "the engine's default"
    if key == "kv_cache":
        return cache_name(str(value))
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
