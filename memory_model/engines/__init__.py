"""How each engine really uses memory: one folder an engine, listed here."""

from __future__ import annotations

from .engine import Engine, EngineFacts
from .llama_cpp import LlamaCpp
from .transformers import Transformers

ENGINES: dict[str, type[Engine]] = {"transformers": Transformers, "llama.cpp": LlamaCpp}

__all__ = ["ENGINES", "Engine", "EngineFacts"]
