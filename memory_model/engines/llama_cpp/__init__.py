"""llama.cpp, with all layers on one GPU or all on the CPU."""

from .engine import LlamaCpp

__all__ = ["LlamaCpp"]
