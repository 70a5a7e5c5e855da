"""llama.cpp, with layers on one GPU or several, or in host memory."""

from .engine import LlamaCpp

__all__ = ["LlamaCpp"]
