"""RWKV-4: a recurrence in every channel instead of attention, and an MLP that also sees the token before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Tensor
from .mlp import DenseMlp
from .state import MODEL_TYPE, recurrent_state

SOURCE = "arXiv:2305.13048 §3; transformers modeling_rwkv.py"


@dataclass(frozen=True, slots=True)
class TimeMixing:
    """Peng et al. 2023, arXiv:2305.13048: `hidden_size` channels, each with a numerator, a denominator and a maximum."""

    hidden_size: int

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Four matrices, decays, and how much of the token before is mixed in."""
        for role in ("time_decay", "time_first", "time_mix_key", "time_mix_value", "time_mix_receptance"):
            yield Tensor(role, hidden_size, part="recurrence")
        for role in ("key", "value", "receptance", "output"):
            yield Tensor(role, hidden_size, hidden_size, part="recurrence")

    def cache(self) -> tuple[CacheEntry, ...]:
        """The last inputs of this block and of the MLP, and three values of every channel."""
        width = self.hidden_size
        last = CacheEntry("last inputs", 2, width, "state", grows=False, pinned=MODEL_TYPE, source=SOURCE)
        return last, recurrent_state(width, 3, SOURCE)


@dataclass(frozen=True, slots=True)
class ChannelMixing(DenseMlp):
    """value(relu(key(x))²), gated by receptance(x)."""

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Three matrices, and how much of the token before is mixed in."""
        for role in ("ffn.time_mix_key", "ffn.time_mix_receptance"):
            yield Tensor(role, hidden_size, part="mlp")
        yield Tensor("ffn.key", self.intermediate_size, hidden_size, part="mlp")
        yield Tensor("ffn.receptance", hidden_size, hidden_size, part="mlp")
        yield Tensor("ffn.value", hidden_size, self.intermediate_size, part="mlp")
