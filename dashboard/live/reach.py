"""How far a deployment reaches on its device: the longest context of many batch sizes at once, and the other way round.

The same answers as `memory_model.fit`, by the same bisection, over arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from memory_model.deployment import Deployment
from memory_model.estimate import PHASES, breakdown, in_phase
from memory_model.scenario import MOST_SEQUENCES, MOST_TOKENS

Amounts = npt.NDArray[np.float64]


def longest_contexts(deployment: Deployment, batches: Sequence[int]) -> npt.NDArray[np.int64]:
    """For each batch size the most tokens per sequence that fit, 0 if not one does. The deployment has a device."""
    across = np.asarray(batches, np.float64)
    return _largest(lambda tokens: _fits(deployment, tokens, across), len(batches), MOST_TOKENS)


def largest_batches(deployment: Deployment, contexts: Sequence[int]) -> npt.NDArray[np.int64]:
    """For each context length the most sequences that fit, 0 if not one does. The deployment has a device."""
    along = np.asarray(contexts, np.float64)
    return _largest(lambda sequences: _fits(deployment, along, sequences), len(contexts), MOST_SEQUENCES)


def _fits(deployment: Deployment, contexts: Amounts, batches: Amounts) -> npt.NDArray[np.bool_]:
    limit = deployment.engine.memory_limit(deployment)
    workload = replace(deployment.workload, context_length=contexts, batch_size=batches)
    phases = PHASES if workload.phase == "peak" else (workload.phase,)
    fits = np.ones(contexts.shape, dtype=bool)
    for phase in phases:
        memory = breakdown(in_phase(replace(deployment, workload=workload), phase))
        fits &= np.asarray(memory.bytes, np.float64) <= limit
    return fits


def _largest(fits: Callable[[Amounts], npt.NDArray[np.bool_]], count: int, most: int) -> npt.NDArray[np.int64]:
    """The largest n in 0..most that fits, for each of `count` questions; fits is true up to some n and false after."""
    low, high = np.zeros(count), np.full(count, float(most))
    while (low < high).any():
        middle = np.floor((low + high + 1) / 2)
        yes = fits(middle)
        low, high = np.where(yes, middle, low), np.where(yes, high, middle - 1)
        high = np.maximum(low, high)
    return low.astype(np.int64)
