"""The binary unit, how amounts are written, and whole-number steps for a point or a grid."""

from __future__ import annotations

from typing import Any

import numpy as np

GIB = 2**30


def gib(amount: float) -> str:
    """`16.00 GiB`, with two digits below 100 and one above."""
    value = amount / GIB
    return f"{value:,.2f} GiB" if abs(value) < 100 else f"{value:,.1f} GiB"


def smaller(a: Any, b: Any) -> Any:
    """The lesser of two whole numbers, or elementwise over a grid."""
    return np.minimum(a, b) if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else min(a, b)


def larger(a: Any, b: Any) -> Any:
    """The greater of two whole numbers, or elementwise over a grid."""
    return np.maximum(a, b) if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else max(a, b)


def round_up(amount: Any, step: int) -> Any:
    """The next multiple of `step`, for a point or a grid."""
    return -(-amount // step) * step


def where(condition: Any, yes: Any, no: Any) -> Any:
    """`yes` where the condition holds, else `no`, for a point or a grid."""
    return np.where(condition, yes, no) if isinstance(condition, np.ndarray) else (yes if condition else no)
