"""How far the page's scenario reaches on its device: what one slider's number is while the other one stays.

Remembered, since the chart, the advice beside it and the lines of the trade-offs ask alike.
"""

from __future__ import annotations

from functools import lru_cache

from memory_model import Scenario

from ..own_models import deployed
from .drawing import configuration
from .reach import largest_batches, longest_contexts


def longest_context(scenario: Scenario) -> int:
    """The most tokens per sequence at the scenario's batch size, 0 if not one fits. It has a device."""
    return _longest(configuration(scenario), scenario.batch_size)


def largest_batch(scenario: Scenario) -> int:
    """The most sequences at the scenario's context length, 0 if not one fits. It has a device."""
    return _largest(configuration(scenario), scenario.context_length)


@lru_cache(maxsize=1024)
def _longest(alike: Scenario, batch_size: int) -> int:
    return int(longest_contexts(deployed(alike), [batch_size])[0])


@lru_cache(maxsize=1024)
def _largest(alike: Scenario, context_length: int) -> int:
    return int(largest_batches(deployed(alike), [context_length])[0])
