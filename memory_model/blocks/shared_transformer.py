"""Zamba2's shared transformer: a few blocks of attention and MLP serve many layers, which own only small adapters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Tensor, norm
from .attention import Attention
from .mlp import DenseMlp


@dataclass(frozen=True, slots=True)
class SharedAttention:
    """Glorioso et al. 2024, arXiv:2411.15242; transformers modeling_zamba2.py.

    It reads the layer's input beside the token embedding, so `input_width` is twice the hidden size. Every layer that
    uses it keeps keys and values of its own; only the first user counts its weights.
    """

    attention: Attention
    input_width: int
    owned: bool
    adapter_rank: int = 0
    """Rank of the layer's own adapters of queries, keys and values; 0: none."""
    adapters: int = 1
    """How many layers' adapters are held here."""

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """The shared matrices and norms where they are owned, the adapters, and the projection of the block's output."""
        if self.owned:
            for tensor in self.attention.tensors(self.input_width):
                output = tensor.role == "o_proj"
                yield Tensor("o_proj", hidden_size, tensor.columns, part="attention") if output else tensor
            yield from norm("shared.input_layernorm", self.input_width)
            yield from norm("shared.pre_ff_layernorm", hidden_size)
        if self.adapter_rank:
            for role in ("q", "k", "v"):
                yield from adapter(
                    f"linear_{role}_adapter", self.input_width, self.adapter_rank, self.input_width, self.adapters
                )
        yield Tensor("linear", hidden_size, hidden_size, part="attention")

    def cache(self) -> tuple[CacheEntry, ...]:
        """Keys and values of this layer's use."""
        return self.attention.cache()


@dataclass(frozen=True, slots=True)
class SharedMlp:
    """The MLP of the shared block: one pair of matrices for all its layers, and an adapter for each."""

    mlp: DenseMlp
    owned: bool
    adapter_rank: int
    adapters: int = 1

    @property
    def intermediate_size(self) -> int:
        """The width of the shared matrices."""
        return self.mlp.intermediate_size

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """The shared matrices where they are owned, and the adapter; a rank of 0 means none (Zamba)."""
        if self.owned:
            yield from self.mlp.tensors(hidden_size)
        if not self.adapter_rank:
            return
        rows = 2 * self.intermediate_size
        yield from adapter("gate_up_proj_adapter", hidden_size, self.adapter_rank, rows, self.adapters, "mlp")


def adapter(role: str, columns: int, rank: int, rows: int, copies: int, part: str = "attention") -> Iterator[Tensor]:
    """Two matrices with a narrow middle (Hu et al. 2021, arXiv:2106.09685), part of the model and not merged."""
    yield Tensor(f"{role}.0", rank, columns, copies, part)
    yield Tensor(f"{role}.1", rows, rank, copies, part)
