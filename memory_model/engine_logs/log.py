"""What a start-up log says: figures about memory, and the settings that the engine started with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..units import GIB

SCALES = {"B": 1, "KB": 2**10, "KIB": 2**10, "MB": 2**20, "MIB": 2**20, "GB": GIB, "GIB": GIB}
"""Engines divide by powers of two and print GB all the same: vLLM and SGLang by 2**30, llama.cpp by 2**20."""


@dataclass(frozen=True, slots=True)
class Printed:
    """One figure of a log."""

    quantity: str
    """`weights`, `kv_cache`, `kv_tokens`, `compute`, `output`, `graphs`, `non_torch`, `concurrency`."""
    value: float
    """Bytes; tokens or times for the quantities that are no memory."""
    half_digit: float
    """Half of the last printed digit: how far rounding alone can move the figure."""
    line: int
    words: str
    """The line as the engine wrote it."""
    place: str = ""
    """The buffer's place as the engine names it, such as `CUDA0` or `CUDA_Host`; empty where it names none."""

    @property
    def on_host(self) -> bool:
        """Whether the place is the computer's own memory."""
        return self.place.startswith("CPU") or self.place.endswith("_Host")

    @property
    def device(self) -> str:
        """The place without how the file came to it: `MTL0` of `MTL0_Mapped`."""
        return self.place.removesuffix("_Mapped")


@dataclass(frozen=True, slots=True)
class EngineLog:
    """A log that was understood; `settings` has scenario keys, ready for `Scenario.from_mapping` but for the model."""

    engine: str
    writer: str
    """The program that wrote it: the engine, or one that is built on it, such as Ollama."""
    version: str
    model: str
    """The model's name as the log has it; empty where it has none."""
    printed: tuple[Printed, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)


def size(number: str, unit: str) -> tuple[float, float]:
    """Bytes of a printed amount, and half of its last digit in bytes."""
    scale = SCALES[unit.upper()]
    digits = len(number.partition(".")[2])
    return float(number) * scale, 0.5 * 10**-digits * scale


def first(pattern: str, text: str) -> str:
    """The group of the first match that took part in it, or nothing."""
    found = re.search(pattern, text)
    return next((group for group in found.groups() if group), "") if found else ""
