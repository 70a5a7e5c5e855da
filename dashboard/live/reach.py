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
        before = _totals(deployment, np.maximum(tokens - 1, 1), across[some])
        return np.maximum(_totals(deployment, tokens, across[some]), before)

    return _largest(totals, len(batches), MOST_TOKENS, limit)


def largest_batches(deployment: Deployment, contexts: Sequence[int]) -> npt.NDArray[np.int64]:
    """For each context length the most sequences that fit, 0 if not one does. The deployment has a device."""
    along = np.asarray(contexts, np.float64)
    limit = deployment.engine.memory_limit(deployment)
    return _largest(lambda sizes, some: _totals(deployment, along[some], sizes), len(contexts), MOST_SEQUENCES, limit)


def _totals(deployment: Deployment, contexts: Amounts, batches: Amounts) -> Amounts:
    workload = replace(deployment.workload, context_length=contexts, batch_size=batches)
    phases = PHASES if workload.phase == "peak" else (workload.phase,)
    found = np.zeros(contexts.shape)
    for phase in phases:
        memory = breakdown(in_phase(replace(deployment, workload=workload), phase))
        found = np.maximum(found, np.asarray(memory.bytes, np.float64))
    return found


def _largest(totals: Totals, count: int, most: int, limit: int) -> npt.NDArray[np.int64]:
    """The largest n in 0..most whose total is within the limit, for each of `count` questions.

    Totals grow nearly in a straight line, so the crossing is guessed from the ends of the bracket and looked for on
    both sides of the guess; every third guess halves the bracket, which bounds the search.
    """
    low, high = np.zeros(count), np.full(count, most + 1.0)
    every = np.arange(count)
    at_low = np.full(count, np.nan)
    first = totals(np.ones(count), every)
    low, at_low = np.where(first <= limit, 1.0, low), np.where(first <= limit, first, at_low)
    high = np.where(first <= limit, high, 1.0)
    slope = np.full(count, np.nan)
    step = 0
    while (open_ := np.flatnonzero(high - low > 1)).size:
        below, above = low[open_], high[open_]
        middle = np.floor((below + above) / 2)
        rising = np.where(slope[open_] > 0, slope[open_], np.nan)
        guess = np.floor(below + (limit - at_low[open_]) / rising)
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
            fits = found <= limit
            slope[asked] = (found - at_low[asked]) / (number[inside] - low[asked])
            at_low[asked] = np.where(fits, found, at_low[asked])
            low[asked] = np.where(fits, number[inside], low[asked])
            high[asked] = np.where(fits, high[asked], number[inside])
        step += 1
    return low.astype(np.int64)
