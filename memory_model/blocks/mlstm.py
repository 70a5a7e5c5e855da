"""mLSTM: heads with a matrix for a memory, which gates fill and empty (xLSTM)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Tensor, matrix, norm
from .state import MODEL_TYPE, recurrent_state


@dataclass(frozen=True, slots=True)
class Mlstm:
    """Beck et al. 2025, arXiv:2503.13427; transformers modeling_xlstm.py without the xlstm package."""

    num_heads: int
    qk_dim: int
    v_dim: int
    bias: bool = False

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Queries, keys, values, three gates, a norm over each head, and the output."""
        for role, rows in (("q", self.qk_dim), ("k", self.qk_dim), ("v", self.v_dim), ("ogate_preact", self.v_dim)):
            yield from self._matrix(role, rows, hidden_size, bias=self.bias)
        for role in ("igate_preact", "fgate_preact"):
            yield from self._matrix(role, self.num_heads, hidden_size, bias=True)
        yield from norm("multihead_norm", self.v_dim, bias=self.bias)
        yield from self._matrix("out_proj", hidden_size, self.v_dim, bias=self.bias)

    def cache(self) -> tuple[CacheEntry, ...]:
        """A matrix, a vector that scales it and a maximum for each head, in the model's own type."""
        keys, values = self.qk_dim // self.num_heads, self.v_dim // self.num_heads
        width = keys * values + keys + 1
        return (recurrent_state(self.num_heads, width, "arXiv:2503.13427 §2", pinned=MODEL_TYPE),)

    @staticmethod
    def _matrix(role: str, rows: int, columns: int, *, bias: bool) -> Iterator[Tensor]:
        yield from matrix(role, rows, columns, part="recurrence", bias=bias)
