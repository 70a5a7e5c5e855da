"""How much memory a language model needs: weights, activations, KV cache and overhead, from named factors.

>>> from memory_model import Scenario, estimate
>>> estimate(Scenario(model="llama-3.1-8b", context_length=8192))["kv_cache"].bytes
1073741824
"""

from __future__ import annotations

from collections.abc import Sequence

from .amount import Component, Evidence, Factor, Lever, MemoryBreakdown, Moment, Term
from .errors import InputError
from .estimate import COMPONENTS, MemoryGrid, breakdown, over_grid
from .fit import Fit, fit_deployment
from .presets import load_model
from .resolve import resolve
from .scenario import Scenario, several
from .training import Training, training_memory


def estimate(scenario: Scenario) -> MemoryBreakdown:
    """Bytes of every component at one point, as exact integers. Raises InputError for what is not known."""
    return breakdown(resolve(scenario))


def sweep(scenario: Scenario, *, context_length: Sequence[int], batch_size: Sequence[int]) -> MemoryGrid:
    """The same over a grid of context lengths and batch sizes, in float64. Raises InputError for what is not known."""
    contexts, batches = several("context_length", context_length), several("batch_size", batch_size)
    return over_grid(resolve(scenario), contexts, batches)


def fit(scenario: Scenario) -> Fit:
    """Whether it fits the scenario's device, the longest context and the largest batch. Raises InputError."""
    return fit_deployment(resolve(scenario))


__all__ = [
    "COMPONENTS",
    "Component",
    "Evidence",
    "Factor",
    "Fit",
    "InputError",
    "Lever",
    "MemoryBreakdown",
    "MemoryGrid",
    "Moment",
    "Scenario",
    "Term",
    "Training",
    "estimate",
    "fit",
    "load_model",
    "sweep",
    "training_memory",
]
