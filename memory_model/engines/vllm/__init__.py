"""vLLM: a pool of pages on every GPU."""

from .engine import Vllm

__all__ = ["Vllm"]
