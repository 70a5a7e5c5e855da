"""How far a deployment reaches on its device: the longest context of many batch sizes at once, and the other way round.

The same answers as `memory_model.fit` (a context counts with the length before it and every power of two below), from
fewer questions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from memory_model.deployment import Deployment
from memory_model.estimate import bytes_on_device, in_phase, phases_of
from memory_model.scenario import MOST_SEQUENCES, MOST_TOKENS

Amounts = npt.NDArray[np.float64]
Totals = Callable[[Amounts, npt.NDArray[np.int64]], Amounts]
"""Bytes of some of the questions, each at a number of its own."""

RUNGS = (10, 14, 18, 22)
"""Powers of two below which are tried at once: what is far beyond a device takes longest to work out."""


def longest_contexts(deployment: Deployment, batches: Sequence[int]) -> npt.NDArray[np.int64]:
    """For each batch size the most tokens per sequence that fit, 0 if not one does. The deployment has a device."""
    across = np.asarray(batches, np.float64)
    limit = deployment.engine.memory_limit(deployment)

    def totals(tokens: Amounts, some: npt.NDArray[np.int64]) -> Amounts:
        return with_the_length_before(lambda lengths: totals_at(deployment, lengths, np.tile(across[some], 2)), tokens)

    return largest_within(totals, len(batches), MOST_TOKENS, limit)


def largest_batches(deployment: Deployment, contexts: Sequence[int]) -> npt.NDArray[np.int64]:
    """For each context length the most sequences that fit, 0 if not one does. The deployment has a device."""
    along = np.asarray(contexts, np.float64)
    limit = deployment.engine.memory_limit(deployment)
    return largest_within(
        lambda sizes, some: totals_at(deployment, along[some], sizes), len(contexts), MOST_SEQUENCES, limit
    )


def with_the_length_before(totals: Callable[[Amounts], Amounts], tokens: Amounts) -> Amounts:
    """The larger of a length's bytes and those of the length before it, as `memory_model.fit` asks for both.

    `totals` is asked once, for all lengths and then for all lengths before them.
    """
    both = totals(np.concatenate([tokens, np.maximum(tokens - 1, 1)]))
    return np.maximum(both[: len(tokens)], both[len(tokens) :])


def totals_at(deployment: Deployment, contexts: Amounts, batches: Amounts) -> Amounts:
    """Bytes at each pair of a context length and a batch size, in the phase that the deployment asks for."""
    workload = replace(deployment.workload, context_length=contexts, batch_size=batches)
    found = np.zeros(contexts.shape)
    for phase in phases_of(deployment):
        one = in_phase(replace(deployment, workload=workload), phase)
        found = np.maximum(found, bytes_on_device(one))
    return found


def largest_within(totals: Totals, count: int, most: int, limit: int | Amounts) -> npt.NDArray[np.int64]:
    """The largest n in 0..most whose total is within the limit, for each of `count` questions.

    `limit` is one number of bytes for all questions, or one for each. A few calls bracket every answer within a power of
    two, each for those that the one before found no end of. Totals grow nearly in a straight line, so the crossing is
    guessed from both ends of the bracket and looked for around the guess, and in the middle, which bounds the search; each
    round is one call for all open questions.
    """
    limits = np.broadcast_to(np.asarray(limit, np.float64), (count,))
    low, high = np.zeros(count), np.full(count, most + 1.0)
    at_low, at_high = np.full(count, np.nan), np.full(count, np.nan)

    def ask(numbers: Amounts, asked: npt.NDArray[np.int64]) -> None:
        """Narrow the brackets of some questions by numbers that ascend along each row."""
        some = np.repeat(asked, numbers.shape[1])
        found = totals(numbers.ravel(), some).reshape(numbers.shape)
        fitting = np.logical_and.accumulate(found <= limits[asked][:, None], axis=1).sum(axis=1)
        rows = np.flatnonzero(fitting > 0)
        last = fitting[rows] - 1
        low[asked[rows]], at_low[asked[rows]] = numbers[rows, last], found[rows, last]
        rows = np.flatnonzero(fitting < numbers.shape[1])
        first = fitting[rows]
        high[asked[rows]], at_high[asked[rows]] = numbers[rows, first], found[rows, first]

    ladder = np.unique([*(2.0**power for power in range(31) if 2**power < most), most])
    for rungs in np.split(ladder, RUNGS):
        climbing = np.flatnonzero(high > most)
        if climbing.size and rungs.size:
            ask(np.tile(rungs, (climbing.size, 1)), climbing)
    while (open_ := np.flatnonzero(high - low > 1)).size:
        below, above = low[open_], high[open_]
        width, rise = above - below, at_high[open_] - at_low[open_]
        share = np.where(rise > 0, (limits[open_] - at_low[open_]) / np.where(rise > 0, rise, 1), 0.5)
        guess = np.floor(below + width * np.nan_to_num(share, nan=0.5))
        near = np.maximum(np.floor(width / 16), 1)
        numbers = np.stack([guess - near, guess, guess + 1, guess + near, np.floor((below + above) / 2)], axis=1)
        ask(np.sort(np.clip(numbers, below[:, None] + 1, above[:, None] - 1), axis=1), open_)
    return low.astype(np.int64)
