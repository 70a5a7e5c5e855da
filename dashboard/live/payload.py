"""What the live chart looks up: tables of exact bytes, computed by the memory model and packed for the browser.

In parts, so that a released slider sends only what changed: `facts` follow the configuration, `contexts` also the
batch size, `batches` and `advice` also the context length. JavaScript knows no formula: a state without a table is not drawn.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from memory_model import Scenario
from memory_model.estimate import breakdown, over_grid
from memory_model.scenario import MOST_SEQUENCES, MOST_TOKENS

from ..own_models import deployed
from ..stops import BATCHES, SHORTEST, bar_positions, context_stops, doublings
from .reach import largest_batches, longest_contexts

Part = dict[str, Any]


def configuration(scenario: Scenario) -> Scenario:
    """The scenario without its two sliders: what the facts depend on."""
    return replace(scenario, context_length=SHORTEST, batch_size=1)


def identity(scenario: Scenario) -> str:
    """A short name of the configuration; tables of different configurations are never drawn together."""
    return hashlib.sha256(repr(configuration(scenario)).encode()).hexdigest()[:12]


@lru_cache(maxsize=128)
def facts(scenario: Scenario, unit: str) -> Part:
    """Names, capacity, how far each stop reaches and the map's totals. Pass a `configuration`; raises InputError."""
    deployment = deployed(scenario)
    model, device = deployment.model, deployment.device
    stops = context_stops(model.max_position_embeddings)
    columns, rows = doublings(SHORTEST, stops[-1]), doublings(1, BATCHES[-1])
    part: Part = {
        "part": "facts",
        "config": identity(scenario),
        "unit": unit,
        "model": model.name,
        "supported": model.max_position_embeddings,
        "weights": deployment.scheme.name,
        "gpus": deployment.options.tensor_parallel * deployment.options.pipeline_parallel,
        "device": device.name if device else None,
        "usable": deployment.engine.memory_limit(deployment) if device else None,
        "map": {
            "contexts": columns,
            "batches": rows,
            "totals": floats(over_grid(deployment, columns, rows).bytes.ravel()),
        },
        "evidence": {part.name: part.evidence.value for part in breakdown(deployment)},
        "most_tokens": MOST_TOKENS,
        "most_sequences": MOST_SEQUENCES,
    }
    if device:
        part["stops"] = whole(stops)
        part["largest_batch"] = whole(largest_batches(deployment, stops))
        part["batches"] = list(BATCHES)
        part["longest_context"] = whole(longest_contexts(deployment, BATCHES))
    return part


@lru_cache(maxsize=64)
def context_table(scenario: Scenario) -> Part:
    """Every bar of every context stop at the scenario's batch size. Pass context_length=256; raises InputError."""
    deployment = deployed(scenario)
    stops = context_stops(deployment.model.max_position_embeddings)
    contexts = sorted({position for stop in stops for position in bar_positions(stop)})
    grid = over_grid(deployment, contexts, [scenario.batch_size])
    return {
        "part": "contexts",
        "config": identity(scenario),
        "batch": scenario.batch_size,
        "contexts": whole(contexts),
        "components": packed(grid.components),
    }


@lru_cache(maxsize=256)
def batch_table(scenario: Scenario) -> Part:
    """Every bar of the scenario's context length at every batch stop; off the stops also how far it reaches.

    Raises InputError.
    """
    deployment = deployed(scenario)
    positions = sorted(set(bar_positions(scenario.context_length)))
    batches = sorted({*BATCHES, scenario.batch_size})
    grid = over_grid(deployment, positions, batches)
    part: Part = {
        "part": "batches",
        "config": identity(scenario),
        "context": scenario.context_length,
        "batch": scenario.batch_size,
        "contexts": positions,
        "batches": batches,
        "components": packed(grid.components),
    }
    if deployment.device and scenario.context_length not in context_stops(deployment.model.max_position_embeddings):
        part["largest_batch"] = int(largest_batches(deployment, [scenario.context_length])[0])
    if deployment.device and scenario.batch_size not in BATCHES:
        part["longest_context"] = int(longest_contexts(deployment, [scenario.batch_size])[0])
    return part


def advice(scenario: Scenario, changes: Sequence[str]) -> Part:
    """The changes that would make the scenario fit, for the state that they were tried at."""
    where = {"context": scenario.context_length, "batch": scenario.batch_size}
    return {"part": "advice", "config": identity(scenario), **where, "changes": list(changes)}


def packed(components: Mapping[str, npt.NDArray[np.float64]]) -> dict[str, float | str]:
    """Bytes by component: one number where it never changes, else base64 of float64, contexts down, batches across."""
    return {
        name: int(values.flat[0]) if (values == values.flat[0]).all() else floats(values.ravel())
        for name, values in components.items()
    }


def floats(values: npt.NDArray[np.float64]) -> str:
    """Base64 of little-endian float64: exact whole numbers below 2**53."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode("ascii")


def whole(values: Iterable[int]) -> str:
    """Base64 of little-endian unsigned 32-bit whole numbers."""
    return base64.b64encode(np.asarray(list(values), dtype="<u4").tobytes()).decode("ascii")
