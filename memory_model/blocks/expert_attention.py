"""Attention whose query heads are experts' outputs: each token picks its query and output matrices (JetMoE)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ..tensors import Tensor
from .attention import Attention


@dataclass(frozen=True, slots=True)
class ExpertAttention(Attention):
    """Shen et al. 2024, arXiv:2404.07413: each chosen expert gives as many query heads as there are KV heads."""

    num_experts: int = 1
    num_experts_per_tok: int = 1

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """The router, the experts' matrices and their common bias; one matrix for keys and values."""
        active = Fraction(self.num_experts_per_tok, self.num_experts)
        copies, width = self.num_experts, self.key_width
        yield Tensor("attention.router", copies, hidden_size, part="router")
        yield Tensor("experts.q_proj", width, hidden_size, copies, part="experts", active=active)
        yield Tensor("experts.o_proj", hidden_size, width, copies, part="experts", active=active)
        yield Tensor("o_proj.bias", hidden_size, part="attention")
        yield Tensor("kv_proj", 2 * width, hidden_size, part="attention")
