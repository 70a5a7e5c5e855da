"""Numbers on their way to the browser: base64 of plain little-endian arrays."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt


def packed(series: Mapping[str, npt.NDArray[np.float64]]) -> dict[str, float | str]:
    """Bytes by name: one number where it never changes, else base64 of float64, contexts down, batches across."""
    return {name: int(values.flat[0]) if _is_one(values) else floats(values.ravel()) for name, values in series.items()}


def _is_one(values: npt.NDArray[np.float64]) -> bool:
    """Whether all are the same finite number: what is infinite, JSON cannot say."""
    return bool(np.isfinite(values.flat[0]) and (values == values.flat[0]).all())


def floats(values: npt.NDArray[np.float64]) -> str:
    """Base64 of little-endian float64: exact whole numbers below 2**53."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode("ascii")


def whole(values: Iterable[int]) -> str:
    """Base64 of little-endian unsigned 32-bit whole numbers."""
    return base64.b64encode(np.asarray(list(values), dtype="<u4").tobytes()).decode("ascii")
