"""Token by token: what one more token takes with a cache, and what it takes when all before it is computed anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from memory_model import Scenario
from memory_model.deployment import Deployment
from memory_model.speed import at_context, refusal, time_bound
from memory_model.step_work import StepWork, decode_step, step_work
from memory_model.without_cache import CacheTrade, cache_trade

from ..own_models import deployed

POINTS = 60


@dataclass(frozen=True, slots=True)
class TokenByToken:
    """Work of single tokens of an answer, at some of their places; for every sequence of the batch together."""

    trade: CacheTrade
    tokens: tuple[int, ...]
    """Places in the answer, from 2: the first token comes out of the prompt in both ways."""
    with_cache: tuple[float, ...]
    without_cache: tuple[float, ...]
    in_seconds: bool
    """Seconds at least; else operations, where the device's figures are not known."""
    why_not: str
    """Why there is no time, empty where there is one."""


@lru_cache(maxsize=128)
def token_by_token(scenario: Scenario, answer_tokens: int) -> TokenByToken:
    """The answer to a prompt as long as the scenario's context. Raises InputError."""
    deployment = deployed(scenario)
    cached = replace(deployment, options=replace(deployment.options, use_cache=True))
    last = max(2, answer_tokens)
    places = np.unique(np.linspace(2, last, POINTS).astype(np.int64))
    contexts: Any = (scenario.context_length + places - 1).astype(np.float64)
    at = at_context(cached, contexts)
    both = (decode_step(at), step_work(at, 0, contexts, "prefill"))
    seconds = [_seconds(cached, work) for work in both]
    timed = all(found is not None for found in seconds)
    with_cache, without = seconds if timed else [np.asarray(work.flops, np.float64) for work in both]
    reason = "" if timed else refusal(cached) or "the compute rate of this device is not known"
    return TokenByToken(
        cache_trade(deployment, answer_tokens),
        tuple(int(place) for place in places),
        _numbers(with_cache, len(places)),
        _numbers(without, len(places)),
        timed,
        reason,
    )


def _seconds(deployment: Deployment, work: StepWork) -> Any:
    bound = time_bound(deployment, work)
    return None if bound is None or (work.phase == "prefill" and not np.any(bound.compute_seconds)) else bound.seconds


def _numbers(values: Any, count: int) -> tuple[float, ...]:
    spread: Sequence[float] = np.broadcast_to(np.asarray(values, np.float64), (count,)).tolist()
    return tuple(spread)
