"""SGLang: its share of the GPU, its pool of tokens, its steps."""

from .engine import Sglang

__all__ = ["Sglang"]
