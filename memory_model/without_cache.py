"""Cache on or off: bytes kept against work repeated, because every token would be computed anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .deployment import Deployment
from .errors import InputError
from .speed import LONGEST_ANSWER, at_context, time_bound
from .step_work import StepWork, decode_step, prefill, step_work


@dataclass(frozen=True, slots=True)
class Side:
    """An answer with the cache, or without: per GPU, for every sequence of the batch together."""

    flops: int
    bytes: int
    """Moved between memory and processor."""
    seconds: float | None
    """At least; None where the device's figures are not known."""


@dataclass(frozen=True, slots=True)
class CacheTrade:
    """What keeping the cache costs, and what it saves."""

    answer_tokens: int
    kept_bytes: int
    """The cache at the end of the answer, as the engine holds it while decoding."""
    with_cache: Side
    without_cache: Side
    last_with: Side
    """The last token alone."""
    last_without: Side

    @property
    def flops_repeated(self) -> float:
        """How many times as many operations the answer takes without a cache."""
        return self.without_cache.flops / self.with_cache.flops

    @property
    def last_repeated(self) -> float:
        """The same for its last token alone: it grows with the context."""
        return self.last_without.flops / self.last_with.flops


def cache_trade(deployment: Deployment, answer_tokens: int) -> CacheTrade:
    """The answer to a prompt of `context_length` tokens, with a cache and without; the prompt is read in both.

    Raises InputError for an answer beyond 2**20 tokens. Without a cache every token is a forward pass over all before
    it, as transformers runs with `use_cache=False`; other engines have no such option, the work would be the same.
    """
    if not 1 <= answer_tokens <= LONGEST_ANSWER:
        raise InputError(f"answer_tokens: {answer_tokens:,} is outside 1 to {LONGEST_ANSWER:,}")
    cached = replace(deployment, options=replace(deployment.options, use_cache=True))
    prompt = int(deployment.workload.context_length)
    contexts: Any = prompt + np.arange(1, answer_tokens, dtype=np.float64)
    end = at_context(cached, prompt + answer_tokens - 1)
    held = at_context(replace(end, workload=replace(end.workload, phase="decode")), prompt + answer_tokens - 1)
    first = prefill(at_context(cached, prompt))
    return CacheTrade(
        answer_tokens,
        int(cached.engine.kv_cache(held).bytes),
        _side(cached, first, decode_step(at_context(cached, contexts)), answer_tokens),
        _side(cached, first, step_work(cached, 0, contexts, "prefill"), answer_tokens),
        _side(cached, decode_step(end), None, 1),
        _side(cached, step_work(cached, 0, prompt + answer_tokens - 1, "prefill"), None, 1),
    )


def _side(deployment: Deployment, first: StepWork, later: StepWork | None, answer_tokens: int) -> Side:
    """The first pass and all later ones, which `later` holds as a grid over contexts, or alike whatever the context."""
    passes = [(first, 1)] if later is None or answer_tokens == 1 else [(first, 1), (later, answer_tokens - 1)]
    bounds = [(time_bound(deployment, work), times) for work, times in passes]
    known = [_total(bound.seconds, times) for bound, times in bounds if bound is not None]
    return Side(
        sum(int(_total(work.flops, times)) for work, times in passes),
        sum(int(_total(work.bytes, times)) for work, times in passes),
        sum(float(seconds) for seconds in known) if len(known) == len(passes) else None,
    )


def _total(amount: Any, times: int) -> Any:
    """Of a grid its sum; of one amount so many times as much."""
    return np.sum(amount) if isinstance(amount, np.ndarray) else amount * times
