"""The two things that an architecture declares: what it stores, and what it must remember."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Tensor:
    """`copies` matrices of `rows` x `columns` values (out features x in features); a vector has one column."""

    role: str
    """The last meaningful part of the checkpoint's name, such as `q_proj`; number formats are assigned by it."""
    rows: int
    columns: int = 1
    copies: int = 1
    part: str = "other"
    """The share of the weights that it is drawn in: embedding, attention, mlp, experts, norms, head, vision ..."""
    active: Fraction = Fraction(1)
    """The share that one token passes through: experts per token / experts."""
    pinned: str = ""
    """A number format that every engine keeps for it, whatever the weight format, such as `fp32`."""
    buffer: bool = False
    """Held in memory but not counted as a parameter."""

    @property
    def values(self) -> int:
        """How many numbers it holds."""
        return self.copies * self.rows * self.columns

    @property
    def is_vector(self) -> bool:
        """A norm weight, a bias or another one-dimensional tensor."""
        return self.columns == 1


def matrix(role: str, rows: int, columns: int, *, part: str, bias: bool = False) -> Iterator[Tensor]:
    """A matrix and, where it has one, its bias."""
    yield Tensor(role, rows, columns, part=part)
    if bias:
        yield Tensor(f"{role}.bias", rows, part=part)


def norm(role: str, width: int, *, bias: bool = False) -> Iterator[Tensor]:
    """The scale of an RMSNorm, or with `bias` the scale and shift of a LayerNorm, over `width` values."""
    yield from matrix(role, width, 1, part="norms", bias=bias)


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """What one layer keeps of the past: one row of `heads` x `width` values per token or, for states, per sequence."""

    label: str
    heads: int
    width: int
    role: str = "key"
    """`key`, `value`, `latent` (serves as both) or `state`: which of the two cache formats applies."""
    grows: bool = True
    window: int | None = None
    """A layer that attends to at most so many tokens."""
    pinned: str = ""
    """A number format that does not follow the cache format, such as `fp32` for recurrent states."""
    source: str = ""
    every: int = 1
    """One row for so many whole tokens: compressed attention keeps tokens // every rows."""
    repeated_heads: int = 0
    """Heads that transformers stores instead of `heads`, where it repeats them first (Falcon); 0 where it does not."""
    behind_view: int = 0
    """Columns that transformers keeps alive in decoding beside `width`: it keeps a view of a wider tensor (RecurrentGemma)."""


class Mlp(Protocol):
    """The feed-forward half of a layer."""

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """What one layer stores."""
        ...


class Mixer(Protocol):
    """The token-mixing half of a layer (attention or recurrence): it also remembers."""

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """What one layer stores."""
        ...

    def cache(self) -> tuple[CacheEntry, ...]:
        """What one layer keeps of the past."""
        ...
