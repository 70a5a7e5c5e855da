"""What is predicted for a figure of a log, in the unit in which the log prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..amount import Component, MemoryBreakdown, Moment
from ..deployment import Deployment
from ..estimate import breakdown

COMPONENTS = {"weights": "weights", "kv_cache": "kv_cache", "compute": "activations", "output": "activations"}
"""The component of which a buffer of llama.cpp is, or a part."""


def predicted_for(deployment: Deployment, quantity: str, on_host: bool) -> float | None:
    """The figure; None where the engine's model has none, or none without a device."""
    memory = breakdown(deployment)
    if deployment.engine.facts.name == "llama.cpp":
        return _of_buffers(part_of(memory, on_host), quantity)
    if quantity in ("weights", "compute"):
        return int(memory["weights" if quantity == "weights" else "activations"].bytes)
    overhead = memory["overhead"].busiest
    if quantity in ("graphs", "non_torch"):
        return _named(overhead, "CUDA graphs" if quantity == "graphs" else "non-torch")
    if quantity == "kv_per_token":
        one = replace(deployment, workload=replace(deployment.workload, batch_size=1))
        return int(deployment.engine.cache_by_token(one)) / int(deployment.workload.context_length)
    pool = deployment.engine.pool(deployment) if deployment.device else None
    if pool is None:
        return None
    return {"kv_cache": pool.bytes, "kv_tokens": pool.printed_tokens, "concurrency": pool.max_concurrency}.get(quantity)


def part_of(memory: MemoryBreakdown, on_host: bool) -> Sequence[Component]:
    """The components of the device, or of host memory."""
    return memory.host if on_host else memory.components


def _of_buffers(components: Sequence[Component], quantity: str) -> float | None:
    component = next((part for part in components if part.name == COMPONENTS.get(quantity)), None)
    if component is None:
        return None
    output = _named(component.busiest, "output buffer") or 0
    if quantity == "output":
        return output or None
    return int(component.bytes) - (output if quantity == "compute" else 0)


def _named(moment: Moment, label: str) -> int | None:
    found = [int(term.bytes) for term in moment.terms if label in term.label]
    return sum(found) if found else None
