"""The whole bar: at a point in exact integers, or over a grid in float64, by the same formulas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .amount import Component, Factor, Lever, MemoryBreakdown, Moment, Number, Term
from .deployment import Deployment
from .tables import frame

PHASES = ("prefill", "decode")
"""The phases that every engine has."""
COMPONENTS = ("weights", "kv_cache", "activations", "overhead")
Grid = npt.NDArray[np.float64]


def breakdown(deployment: Deployment) -> MemoryBreakdown:
    """All components of a deployment in the phase of its workload; of the largest phase where that is `peak`."""
    if deployment.workload.phase != "peak":
        return _of_phase(deployment)
    return max((_of_phase(in_phase(deployment, phase)) for phase in phases_of(deployment)), key=lambda m: m.bytes)


def amounts(deployment: Deployment) -> MemoryBreakdown:
    """What `breakdown` gives, the same bytes below 2**53, but not all the terms where an engine lists them slowly."""
    return breakdown(_for_bytes_alone(deployment))


def amounts_within(deployment: Deployment, limit: int) -> MemoryBreakdown | None:
    """What `amounts` gives where that is within a limit of bytes, else None, as soon as one phase needs more."""
    deployment = _for_bytes_alone(deployment)
    within: list[tuple[Deployment, tuple[Component, ...]]] = []
    for phase in phases_of(deployment):
        one = in_phase(deployment, phase)
        parts = _within(one, limit)
        if parts is None:
            return None
        within.append((one, parts))
    one, parts = max(within, key=lambda found: _sum(found[1]))
    return MemoryBreakdown(one.workload.phase, parts, one.engine.host(one))


def bytes_on_device(deployment: Deployment) -> Number:
    """The bytes of all components in one phase, without a look at what the host holds; infinite where the engine refuses."""
    return _of_phase(deployment, beside=False).bytes


@dataclass(frozen=True, slots=True)
class MemoryGrid:
    """Bytes of every component over context lengths (down) and batch sizes (across).

    Activations are infinite, and so is the total, where the engine takes other contexts or batches, but not these.
    """

    context_length: Grid
    batch_size: Grid
    components: dict[str, Grid]

    @property
    def bytes(self) -> Grid:
        """The total at every point."""
        return sum(self.components.values(), start=np.zeros(()))

    def to_frame(self) -> Any:
        """A pandas DataFrame in long form: a row per context length, batch size and component, bytes as whole numbers.

        Without the points that the engine refuses. Raises ImportError where pandas is not installed.
        """
        contexts, batches, names = len(self.context_length), len(self.batch_size), list(self.components)
        amounts = np.stack([self.components[name] for name in names], axis=-1)
        starts = np.repeat(np.isfinite(self.bytes).ravel(), len(names))
        return frame(
            {
                "context_length": np.repeat(self.context_length, batches * len(names))[starts].astype(np.int64),
                "batch_size": np.tile(np.repeat(self.batch_size, len(names)), contexts)[starts].astype(np.int64),
                "component": [name for name, taken in zip(names * (contexts * batches), starts, strict=True) if taken],
                "bytes": amounts.ravel()[starts].astype(np.int64),
            }
        )


def over_grid(deployment: Deployment, context_length: Sequence[int], batch_size: Sequence[int]) -> MemoryGrid:
    """The same breakdown for every pair of a context length and a batch size; exact below 2**53 bytes."""
    contexts = np.asarray(context_length, dtype=np.float64)[:, None]
    batches = np.asarray(batch_size, dtype=np.float64)[None, :]
    workload = replace(deployment.workload, context_length=contexts, batch_size=batches)
    shape = np.broadcast_shapes(contexts.shape, batches.shape)
    found = []
    for phase in phases_of(deployment):
        memory = _of_phase(in_phase(replace(deployment, workload=workload), phase))
        found.append({part.name: np.broadcast_to(np.asarray(part.bytes, np.float64), shape) for part in memory})
    totals = [sum(components.values(), start=np.zeros(())) for components in found]
    components, most = found[0], totals[0]
    for other, total in zip(found[1:], totals[1:], strict=True):
        larger = total > most
        components = {name: np.where(larger, other[name], components[name]) for name in components}
        most = np.maximum(most, total)
    return MemoryGrid(contexts[:, 0], batches[0], components)


def phases_of(deployment: Deployment) -> tuple[str, ...]:
    """The phase of the workload, or all those of which `peak` is the largest."""
    phase = deployment.workload.phase
    known: tuple[str, ...] = deployment.engine.phases_of_peak(deployment) if phase == "peak" else (phase,)
    return known


def in_phase(deployment: Deployment, phase: str) -> Deployment:
    """The same deployment, looked at in one phase."""
    return replace(deployment, workload=replace(deployment.workload, phase=phase))


def _for_bytes_alone(deployment: Deployment) -> Deployment:
    """In float64 as over a grid, where the engine is quicker at that than at a point."""
    if not deployment.engine.lists_slowly:
        return deployment
    workload = deployment.workload
    tokens, sequences = np.asarray(workload.context_length, np.float64), np.asarray(workload.batch_size, np.float64)
    return replace(deployment, workload=replace(workload, context_length=tokens, batch_size=sequences))


def _of_phase(deployment: Deployment, *, beside: bool = True) -> MemoryBreakdown:
    """With what the host holds `beside` the device; where the engine refuses a point, with infinite activations."""
    starts = deployment.engine.starts(deployment)
    refuses = not np.all(starts)
    if refuses:
        fewer = np.where(starts, deployment.workload.batch_size, 1.0)
        deployment = replace(deployment, workload=replace(deployment.workload, batch_size=fewer))
    parts = _on_device(deployment)
    if refuses:
        parts = tuple(_refused(part, starts) if part.name == "activations" else part for part in parts)
    return MemoryBreakdown(deployment.workload.phase, parts, deployment.engine.host(deployment) if beside else ())


def _refused(part: Component, starts: npt.NDArray[np.bool_]) -> Component:
    """The component where the engine starts; elsewhere more than any device has."""
    held = Factor("bytes, where the engine starts", np.where(starts, part.bytes, np.inf), Lever.ENGINE)
    return replace(part, moments=(Moment("always", (Term(part.name, (held,)),)),))


def _on_device(deployment: Deployment) -> tuple[Component, ...]:
    engine = deployment.engine
    return (
        engine.weights(deployment),
        engine.kv_cache(deployment),
        engine.activations(deployment),
        engine.overhead(deployment),
    )


def _within(deployment: Deployment, limit: int) -> tuple[Component, ...] | None:
    """The same where all of it is within a limit; what takes longest to work out comes last."""
    engine = deployment.engine
    weights, cache, overhead = (part(deployment) for part in (engine.weights, engine.kv_cache, engine.overhead))
    room = limit - _sum((weights, cache, overhead))
    activations = engine.activations_within(deployment, room) if room >= 0 else None
    return None if activations is None else (weights, cache, activations, overhead)


def _sum(parts: tuple[Component, ...]) -> Number:
    return sum((part.bytes for part in parts), start=0)
