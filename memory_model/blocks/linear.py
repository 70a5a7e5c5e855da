"""One matrix in the place of attention or of an MLP, as architecture searches leave it (arXiv:2411.19146)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Tensor


@dataclass(frozen=True, slots=True)
class LinearMixer:
    """Instead of attention: nothing of the past is read, so nothing is kept."""

    bias: bool = False

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """A square matrix."""
        yield Tensor("linear_attn", hidden_size, hidden_size, part="attention")
        if self.bias:
            yield Tensor("linear_attn.bias", hidden_size, part="attention")

    def cache(self) -> tuple[CacheEntry, ...]:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class LinearMlp:
    """Instead of an MLP."""

    bias: bool = False

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """A square matrix."""
        yield Tensor("linear_mlp", hidden_size, hidden_size, part="mlp")
        if self.bias:
            yield Tensor("linear_mlp.bias", hidden_size, part="mlp")
