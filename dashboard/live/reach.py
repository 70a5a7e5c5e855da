"""How far a deployment reaches on its device: the longest context of many batch sizes at once, and the other way round.

The same answers as `memory_model.fit` (a context counts with the length before it), from fewer questions.
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
Totals = Callable[[Amounts, npt.NDArray[np.int64]], Amounts]
"""Bytes of some of the questions, each at a number of its own."""


def longest_contexts(deployment: Deployment, batches: Sequence[int]) -> npt.NDArray[np.int64]:
    """For each batch size the most tokens per sequence that fit, 0 if not one does. The deployment has a device."""
    across = np.asarray(batches, np.float64)
    limit = deployment.engine.memory_limit(deployment)

    def totals(tokens: Amounts, some: npt.NDArray[np.int64]) -> Amounts:
        return with_the_length_before(lambda lengths: totals_at(deployment, lengths, across[some]), tokens)

    return largest_within(totals, len(batches), MOST_TOKENS, limit)


def largest_batches(deployment: Deployment, contexts: Sequence[int]) -> npt.NDArray[np.int64]:
    """For each context length the most sequences that fit, 0 if not one does. The deployment has a device."""
    along = np.asarray(contexts, np.float64)
    limit = deployment.engine.memory_limit(deployment)
    return largest_within(
        lambda sizes, some: totals_at(deployment, along[some], sizes), len(contexts), MOST_SEQUENCES, limit
    )


def with_the_length_before(totals: Callable[[Amounts], Amounts], tokens: Amounts) -> Amounts:
    """The larger of a length's bytes and those of the length before it, as `memory_model.fit` asks for both."""
    return np.maximum(totals(tokens), totals(np.maximum(tokens - 1, 1)))


def totals_at(deployment: Deployment, contexts: Amounts, batches: Amounts) -> Amounts:
    """Bytes at each pair of a context length and a batch size, in the phase that the deployment asks for."""
    workload = replace(deployment.workload, context_length=contexts, batch_size=batches)
    phases = PHASES if workload.phase == "peak" else (workload.phase,)
    found = np.zeros(contexts.shape)
    for phase in phases:
        memory = breakdown(in_phase(replace(deployment, workload=workload), phase))
        found = np.maximum(found, np.asarray(memory.bytes, np.float64))
    return found


def largest_within(totals: Totals, count: int, most: int, limit: int | Amounts) -> npt.NDArray[np.int64]:
    """The largest n in 0..most whose total is within the limit, for each of `count` questions.

    `limit` is one number of bytes for all questions, or one for each.

    Totals grow nearly in a straight line, so the crossing is guessed from the ends of the bracket and looked for on
    both sides of the guess; every third guess halves the bracket, which bounds the search.
    """
    limits = np.broadcast_to(np.asarray(limit, np.float64), (count,))
    low, high = np.zeros(count), np.full(count, most + 1.0)
    every = np.arange(count)
    at_low = np.full(count, np.nan)
    first = totals(np.ones(count), every)
    low, at_low = np.where(first <= limits, 1.0, low), np.where(first <= limits, first, at_low)
    high = np.where(first <= limits, high, 1.0)
    slope = np.full(count, np.nan)
    step = 0
    while (open_ := np.flatnonzero(high - low > 1)).size:
        below, above = low[open_], high[open_]
        middle = np.floor((below + above) / 2)
        rising = np.where(slope[open_] > 0, slope[open_], np.nan)
        guess = np.floor(below + (limits[open_] - at_low[open_]) / rising)
        halve = step % 3 == 2 or step == 0
        tried = np.clip(
            np.where(np.isnan(guess) | halve, np.minimum(middle, 2 * below + 1), guess), below + 1, above - 1
        )
        for number in (tried, np.minimum(tried + 1, above)):
            number = np.clip(number, low[open_], high[open_])
            inside = (number > low[open_]) & (number < high[open_])
            asked = open_[inside]
            if not asked.size:
                continue
            found = totals(number[inside], asked)
            fits = found <= limits[asked]
            slope[asked] = (found - at_low[asked]) / (number[inside] - low[asked])
            at_low[asked] = np.where(fits, found, at_low[asked])
            low[asked] = np.where(fits, number[inside], low[asked])
            high[asked] = np.where(fits, high[asked], number[inside])
        step += 1
    return low.astype(np.int64)
