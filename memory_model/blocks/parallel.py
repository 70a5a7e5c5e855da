"""Attention and a state space side by side in one layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Mixer, Tensor
from .mamba import Mamba
from .mamba2 import Mamba2


@dataclass(frozen=True, slots=True)
class AttentionAndMamba2:
    """Both read the layer's input and both remember (Falcon-H1, arXiv:2507.22448; Zamba2, arXiv:2411.15242; Zamba with
    Mamba, arXiv:2405.16712)."""

    attention: Mixer
    recurrence: Mamba | Mamba2

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """What both store."""
        yield from self.attention.tensors(hidden_size)
        yield from self.recurrence.tensors(hidden_size)

    def cache(self) -> tuple[CacheEntry, ...]:
        """Keys and values that grow, and states that do not."""
        return (*self.attention.cache(), *self.recurrence.cache())

    def llama_cpp_state(self) -> tuple[int, int]:
        """Those of the state space."""
        return self.recurrence.llama_cpp_state()
