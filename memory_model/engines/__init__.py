"""How each engine really uses memory: one folder an engine, listed here."""

from __future__ import annotations

from .engine import Engine
from .facts import EngineFacts
from .llama_cpp import LlamaCpp
from .sglang import Sglang
from .transformers import Transformers
from .vllm import Vllm

ENGINES: dict[str, type[Engine]] = {"transformers": Transformers, "llama.cpp": LlamaCpp, "vllm": Vllm, "sglang": Sglang}

__all__ = ["ENGINES", "Engine", "EngineFacts"]
