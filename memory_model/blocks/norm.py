"""Normalisation weights."""

from __future__ import annotations

from collections.abc import Iterator

from ..tensors import Tensor


def norm(role: str, width: int, *, bias: bool = False) -> Iterator[Tensor]:
    """The scale of an RMSNorm, or with `bias` the scale and shift of a LayerNorm, over `width` values."""
    yield Tensor(role, width, part="norms")
    if bias:
        yield Tensor(f"{role}.bias", width, part="norms")
