"""One matrix in the place of attention or of an MLP, as architecture searches leave it (arXiv:2411.19146)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Tensor, matrix


@dataclass(frozen=True, slots=True)
class LinearMixer:
    """Instead of attention: nothing of the past is read, so nothing is kept."""

    bias: bool = False

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """A square matrix."""
        yield from matrix("linear_attn", hidden_size, hidden_size, part="attention", bias=self.bias)

    def cache(self) -> tuple[CacheEntry, ...]:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class LinearMlp:
    """Instead of an MLP."""

    bias: bool = False

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """A square matrix."""
        yield from matrix("linear_mlp", hidden_size, hidden_size, part="mlp", bias=self.bias)
