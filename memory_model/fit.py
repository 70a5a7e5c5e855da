"""Does it fit, and how far can it grow.

Bytes may fall as tokens rise: a model reads prompts in chunks, PyTorch pads masks to 16 tokens, another kernel takes over.
So the longest context is one that fits together with the length before it and with every power of two below, which
is found by doubling and then by halving; the next length does not fit. The largest batch likewise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from .deployment import Deployment, Workload
from .errors import InputError
from .estimate import breakdown
from .scenario import MOST_SEQUENCES, MOST_TOKENS


@dataclass(frozen=True, slots=True)
class Fit:
    """How a deployment stands against the memory of its device, in bytes."""

    usable_bytes: int
    """What any program can allocate on the device."""
    limit_bytes: int
    """What the engine lets itself use of that."""
    total: int
    max_context_length: int
    """The most tokens per sequence that fit at this batch size, as every shorter power of two does; 0 if not one does.

    The model may support fewer."""
    max_batch_size: int
    """The most sequences that fit at this context length, as every smaller power of two does; 0 if not one does."""

    @property
    def fits(self) -> bool:
        """Whether the total is within what the engine lets itself use."""
        return self.total <= self.limit_bytes

    @property
    def headroom(self) -> int:
        """Bytes left over, negative where it does not fit."""
        return self.limit_bytes - self.total


def fit_deployment(deployment: Deployment) -> Fit:
    """Raises InputError for a deployment without a device."""
    if deployment.device is None:
        raise InputError("device: missing; name one to see what fits, such as h100-sxm-80gb")
    limit = deployment.engine.memory_limit(deployment)
    asked = deployment.workload

    def total(workload: Workload) -> float:
        return float(breakdown(replace(deployment, workload=workload)).bytes)

    def context_fits(tokens: int) -> bool:
        """With the length before it: PyTorch pads a window's mask to 16 tokens, so every 16th length needs less."""
        return all(total(replace(asked, context_length=n)) <= limit for n in {tokens, max(1, tokens - 1)})

    return Fit(
        deployment.device.usable_bytes,
        limit,
        int(total(asked)),
        largest(context_fits, MOST_TOKENS),
        largest(lambda sequences: total(replace(asked, batch_size=sequences)) <= limit, MOST_SEQUENCES),
    )


def largest(fits: Callable[[int], bool], most: int) -> int:
    """The n in 1..most that fits, as every power of two below it does, while n + 1 does not; 0 if not even 1 fits."""
    low, high = 0, 1
    while low < most and fits(high):
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
