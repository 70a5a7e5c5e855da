"""The calls of the model in a phase, and how many tokens a layer's cache holds before and after each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...amount import Number
from ...deployment import Deployment, EngineOptions, Workload
from ...units import larger, smaller, where


@dataclass(frozen=True, slots=True)
class Pass:
    """One call of the model: so many new tokens of each sequence behind those that are cached."""

    new: Number
    past: Number


def passes(deployment: Deployment) -> tuple[Pass, ...]:
    """The calls of a phase among which is its busiest: of a prefill in chunks the last whole chunk, and the last.

    Chunks before them hold less of the cache and attend to fewer tokens (generation/utils.py `_prefill`). A prefill
    behind tokens that are cached already, as in a later turn, reads only the others.
    """
    workload, options = deployment.workload, deployment.options
    context = workload.context_length
    if not options.use_cache:
        return (Pass(context, context - context),)
    if workload.phase != "prefill":
        return (Pass(context - context + 1, context - 1),)
    chunk, behind = options.step_tokens, workload.past
    new = context - behind
    if chunk is None or (not isinstance(new, np.ndarray) and new <= chunk):
        return (Pass(new, context - new),)
    whole = new - new % chunk
    last = (new - 1) % chunk + 1
    found = (Pass(smaller(new, chunk), behind + larger(whole - chunk, 0)), Pass(last, context - last))
    return found[:1] if not isinstance(new, np.ndarray) and found[0] == found[1] else found


def held_in_phase(workload: Workload, options: EngineOptions, window: int | None) -> Number:
    """Tokens whose memory a layer's cache keeps alive at the end of a phase, for one sequence.

    A DynamicCache keeps a view of the last `window - 1` tokens, so the storage behind it is what the last pass joined.
    """
    context = workload.context_length
    if not options.use_cache:
        return context - context
    if window is None:
        return context
    if options.cache_implementation == "static" or workload.phase != "prefill":
        return smaller(context, window)  # type: ignore[no-any-return]
    return after_prefill(context, window, options.step_tokens, workload.past)


def after_prefill(tokens: Number, window: int | None, chunk: int | None, behind: Number = 0) -> Number:
    """Tokens that a layer of a DynamicCache keeps alive after a prefill of so many, whole or in chunks.

    The prefill read those after the first `behind`, which steps of decoding had left in the cache.
    """
    if window is None:
        return tokens
    new = tokens - behind
    last = new if chunk is None else (new - 1) % chunk + 1
    held: Number = where(new > 0, smaller(tokens - last, window - 1) + last, smaller(behind, window))
    return held
