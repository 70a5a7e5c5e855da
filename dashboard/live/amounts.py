"""The bytes of a deployment over a grid: by component or by part, and what the engine reserves beyond them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from memory_model.amount import Component, Number
from memory_model.deployment import Deployment
from memory_model.estimate import breakdown, in_phase, phases_of

Series = dict[str, npt.NDArray[np.float64]]
RESERVED = "reserved"
HOST = "host/"
"""Before the name of a component that the engine keeps in host memory beside the device."""
AFTERWARDS = "after the prompt"
"""The cache once the prompt is read, where less of it is kept than while it was."""
SPLIT = ("weights", "kv_cache")
"""Components whose parts are held at the same time, so that they add up."""


def amounts(deployment: Deployment, contexts: Sequence[int], batches: Sequence[int], by_part: bool = False) -> Series:
    """Bytes for every pair of a context length (down) and a batch size (across), in the phase that needs more.

    By component name, or `component/part`; `reserved` is what the engine holds and the workload leaves empty, `host/`
    and a component what is in host memory beside the device; `after the prompt` the cache that stays, where some goes.
    Exact below 2**53 bytes.
    """
    down, across = np.asarray(contexts, np.float64)[:, None], np.asarray(batches, np.float64)[None, :]
    workload = replace(deployment.workload, context_length=down, batch_size=across)
    found = [
        _in_phase(in_phase(replace(deployment, workload=workload), phase), by_part) for phase in phases_of(deployment)
    ]
    size = (len(contexts), len(batches))
    series = [{name: np.broadcast_to(np.asarray(v, np.float64), size) for name, v in of.items()} for of in found]
    most, nothing = series[0], np.zeros(size)
    for other in series[1:]:
        more = needed(most) >= needed(other)
        most = {name: np.where(more, most.get(name, nothing), other.get(name, nothing)) for name in {**most, **other}}
    stays, held = _cache(series[-1]), _cache(most)
    return most | {AFTERWARDS: np.broadcast_to(stays, size)} if (stays < held).any() else most


def needed(series: Series) -> npt.NDArray[np.float64]:
    """The total, without what is only reserved and what lies beside a device."""
    beside = (RESERVED, AFTERWARDS)
    counted = (values for name, values in series.items() if name not in beside and not name.startswith(HOST))
    return sum(counted, start=np.zeros(()))


def _cache(series: Series) -> npt.NDArray[np.float64]:
    held = (values for name, values in series.items() if name.partition("/")[0] == "kv_cache")
    return sum(held, start=np.zeros(()))


def _in_phase(deployment: Deployment, by_part: bool) -> dict[str, Number]:
    found: dict[str, Number] = {}
    memory = breakdown(deployment)
    for component in memory:
        found |= _parts(component) if by_part and component.name in SPLIT else {component.name: component.bytes}
    found |= {f"{HOST}{component.name}": component.bytes for component in memory.host}
    return {**found, RESERVED: deployment.engine.reserved(deployment)}


def _parts(component: Component) -> dict[str, Number]:
    """By part, which the engines name alike; whole where several moments compete."""
    if len(component.moments) != 1:
        return {component.name: component.bytes}
    found: dict[str, Number] = {}
    for term in component.moments[0].terms:
        name = f"{component.name}/{term.part or term.label}"
        found[name] = found.get(name, 0) + term.bytes
    return found
