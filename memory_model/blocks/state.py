"""What recurrent blocks have in common: a short convolution, and states that do not grow with the context."""

from __future__ import annotations

from collections.abc import Iterator

from ..tensors import CacheEntry, Tensor

MODEL_TYPE = "model16"
"""The model's own 16-bit type, which does not follow the format of the KV cache."""


def depthwise(role: str, channels: int, kernel: int, *, bias: bool) -> Iterator[Tensor]:
    """A causal convolution of `kernel` taps in every channel by itself.

    Its taps count as a vector: no weight scheme and no GGUF mix quantises them.
    """
    yield Tensor(role, channels * kernel, part="recurrence")
    if bias:
        yield Tensor(f"{role}.bias", channels, part="recurrence")


def convolution_state(channels: int, kept: int, behind_view: int = 0) -> CacheEntry:
    """The last `kept` inputs of every channel of the convolution, in the model's own type.

    transformers 5.23 keeps as many as the kernel has taps, also when the prompt is shorter.
    """
    source = "transformers 5.23 cache_utils.py LinearAttentionLayer.update_conv_state"
    return CacheEntry(
        "convolution state",
        channels,
        kept,
        "state",
        grows=False,
        pinned=MODEL_TYPE,
        source=source,
        behind_view=behind_view,
    )


def recurrent_state(heads: int, width: int, source: str, *, pinned: str = "fp32") -> CacheEntry:
    """One state of `heads` x `width` values per sequence, in float32 unless `pinned` says otherwise."""
    return CacheEntry("recurrent state", heads, width, "state", grows=False, pinned=pinned, source=source)
