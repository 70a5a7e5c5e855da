"""Changes that together make it fit."""

from __future__ import annotations

from dataclasses import dataclass

from ..amount import MemoryBreakdown
from .change import Asked, Change, Price

Together = tuple[Change, ...]
"""Several changes at once."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """Changes that together make it fit."""

    changes: Together
    asked: Asked
    memory: MemoryBreakdown
    limit: int
    """Bytes that the engine lets itself use of one device."""

    @property
    def price(self) -> Price:
        """What the dearest of the changes costs beside memory."""
        return max(change.price for change in self.changes)

    @property
    def costs(self) -> tuple[str, ...]:
        """What is given up, in words, the dearest first, of precision the most; `nothing` alone where nothing is."""
        prices = sorted({change.price for change in self.changes}, reverse=True)
        words = {price.words.split()[-1]: price.words for price in reversed(prices) if price or len(prices) == 1}
        return tuple(reversed(words.values()))

    @property
    def slots(self) -> set[str]:
        """What the changes set."""
        return {change.slot for change in self.changes}

    @property
    def gpus(self) -> int:
        """Devices that share it."""
        return self.asked.scenario.tensor_parallel * self.asked.scenario.pipeline_parallel

    @property
    def headroom(self) -> int:
        """Bytes left over on each device."""
        return self.limit - int(self.memory.bytes)
