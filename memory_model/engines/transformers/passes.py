"""The calls of the model in a phase, and how many tokens a layer's cache holds before and after each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...amount import Number
from ...deployment import Deployment, EngineOptions, Workload
from ...units import larger, smaller, where
from .modeling import code_of

ROWS_OF_MASKS = 16
"""Tokens that the memory-efficient kernel pads rows of a mask to (torch 2.13 `attention.cu`, run under fake tensors)."""
ALWAYS = 1
"""Where a call happens at every point of a grid."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One call of the model: so many new tokens of each sequence behind those that are cached."""

    new: Number
    past: Number
    is_single: bool = False
    """Of a prefill: one token behind others, which the model's code reads as it does while it writes."""
    happens: Number = ALWAYS
    """Over a grid, 0 where there is no such call."""


def passes(deployment: Deployment) -> tuple[Pass, ...]:
    """The calls of a phase among which is its busiest: of a prefill in chunks the last whole chunk, and the last.

    Chunks before them hold less of the cache and attend to fewer tokens (generation/utils.py `_prefill`); of chunks of
    one token the first is another kind of call. Where the last whole chunk needs no padded mask, the one before may. In float32 the first may be the busiest: without a mask, scores of
    grouped heads are written out. A prefill behind tokens that are cached already, as in a later turn,
    reads only the others.
    """
    workload, options = deployment.workload, deployment.options
    context = workload.context_length
    if not options.use_cache:
        return (Pass(context, context - context),)
    if workload.phase != "prefill":
        each = workload.batch_size if code_of(deployment.model).mixes_sequences else 1
        return (Pass(context - context + each, context - 1),)
    chunk, behind = options.step_tokens, workload.past
    new = context - behind
    if chunk is None:
        return _calls(new, context - new)
    whole = 1 if chunk == 1 else new - new % chunk
    last = (new - 1) % chunk + 1
    found = (*_calls(smaller(new, chunk), behind + larger(whole - chunk, 0)), *_calls(last, context - last))
    if chunk % ROWS_OF_MASKS and chunk > 1:
        found = (*_padded_before(chunk, behind, whole), *found)
    if deployment.value_bytes.value == 4:
        found = (*_calls(smaller(new, chunk), new - new + behind), *found)
    return found if isinstance(new, np.ndarray) else tuple(dict.fromkeys(found))


def _padded_before(chunk: int, behind: Number, whole: Number) -> tuple[Pass, ...]:
    """The chunk before the last whole one, where its mask alone is padded to whole rows."""
    needed: Any = ((behind + whole) % ROWS_OF_MASKS == 0) & (whole >= 2 * chunk)
    past = behind + larger(whole - 2 * chunk, 0)
    if isinstance(needed, np.ndarray):
        return (Pass(past - past + chunk, past, False, where(needed, 1.0, 0.0)),) if needed.any() else ()
    return (Pass(chunk, past),) if needed else ()


def _calls(new: Number, past: Number) -> tuple[Pass, ...]:
    """A call of a prefill; over a grid, once as one of a single token behind others and once as any other."""
    single: Any = (new == 1) & (past > 0)
    if not isinstance(single, np.ndarray):
        return (Pass(new, past, single),)
    if not single.any():
        return (Pass(new, past),)
    return (Pass(new, past, False, where(single, 0.0, 1.0)), Pass(new, past, True, where(single, 1.0, 0.0)))


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
