"""A family of models: the model types it reads, what a missing key means for each, and how it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..model_shape import ModelShape
from .config import Config


@dataclass(frozen=True, slots=True)
class Family:
    """One model_type of transformers.

    `defaults` are the values of its configuration class in transformers 5.23.0 for the keys that decide memory
    (`configuration_*.py`); `build` reads a Config into a ModelShape and raises InputError for what it cannot.
    """

    model_type: str
    build: Callable[[Config], ModelShape]
    defaults: Mapping[str, Any]
