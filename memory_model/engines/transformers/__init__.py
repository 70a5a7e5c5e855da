"""Hugging Face transformers on PyTorch."""

from .engine import Transformers

__all__ = ["Transformers"]
