"""How each engine really uses memory: one file an engine, listed here."""

from __future__ import annotations

from .engine import Engine, EngineFacts
from .transformers import Transformers

ENGINES: dict[str, type[Engine]] = {"transformers": Transformers}

__all__ = ["ENGINES", "Engine", "EngineFacts"]
