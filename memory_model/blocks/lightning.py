"""Lightning attention: linear attention with a fixed decay per head, computed block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Tensor, norm
from .state import MODEL_TYPE, recurrent_state


@dataclass(frozen=True, slots=True)
class LightningAttention:
    """Qin et al. 2024, arXiv:2401.04658; MiniMax 2025, arXiv:2501.08313; transformers modeling_minimax.py."""

    num_attention_heads: int
    head_dim: int
    block_size: int

    @property
    def width(self) -> int:
        """Values of all heads of one token."""
        return self.num_attention_heads * self.head_dim

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Queries, keys and values in one matrix, the output and its gate, and the tables of decay in buffers."""
        yield Tensor("qkv_proj", 3 * self.width, hidden_size, part="recurrence")
        yield Tensor("out_proj", hidden_size, self.width, part="recurrence")
        yield Tensor("output_gate", self.width, hidden_size, part="recurrence")
        yield from norm("mixer.norm", self.width)
        heads, block = self.num_attention_heads, self.block_size
        for role, rows in {
            "slope_rate": heads,
            "query_decay": heads * block,
            "key_decay": heads * block,
            "diagonal_decay": heads * block**2,
        }.items():
            yield Tensor(role, rows, part="recurrence", buffer=True)

    def cache(self) -> tuple[CacheEntry, ...]:
        """One square matrix per head, in the model's own type."""
        source = "transformers 5.23 modeling_minimax.py MiniMaxLightningAttention.forward"
        return (recurrent_state(self.num_attention_heads, self.head_dim**2, source, pinned=MODEL_TYPE),)
