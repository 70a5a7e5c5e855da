"""What lies outside torch's allocator: driver context, libraries, CUDA graphs."""

from __future__ import annotations

from ...amount import Component, Evidence, Factor, Lever, Moment, Term
from ...deployment import Deployment
from ...units import GIB
from ..facts import EngineFacts


def outside_torch(deployment: Deployment, facts: EngineFacts) -> Component:
    """Driver context, buffers between GPUs, libraries and CUDA graphs, in bytes; both ends stand in `between`."""
    terms, ends = [], []
    context = facts.driver_context(deployment.device) if deployment.device else None
    if deployment.device is not None and context is not None:
        terms.append(context)
        ends.append(facts.driver_context_range(deployment.device) or (int(context.bytes), int(context.bytes)))
    names = {"non-torch memory": _non_torch(deployment)}
    if deployment.options.devices > 1:
        names["buffers between GPUs"] = f"communication_{_links(deployment)}_gib"
    names["CUDA graphs"] = "graphs_gib"
    for label, name in names.items():
        terms.append(Term(label, (_gib(facts.constants[name]),), facts.sources[name]))
        ends.append(_range(facts, name))
    between = (sum(end[0] for end in ends), sum(end[1] for end in ends))
    note = f"CUDA graphs: {facts.sources['graphs_gib']}"
    return Component("overhead", (Moment("always", tuple(terms)),), Evidence.ASSUMED, note, between)


def graph_bytes(facts: EngineFacts) -> int:
    """What is counted for CUDA graphs."""
    return int(facts.constants["graphs_gib"] * GIB)


def non_torch(deployment: Deployment, facts: EngineFacts) -> float:
    """GiB that the profile finds outside torch's allocator: NCCL's buffers where GPUs share layers."""
    return facts.constants[_non_torch(deployment)]


def _links(deployment: Deployment) -> str:
    """How the constants name what links the GPUs: where there is no NVLink it takes far less, by layer or by matrix."""
    if deployment.device is not None and deployment.device.without_nvlink:
        return "without_nvlink"
    return "tensor_parallel" if deployment.options.tensor_parallel > 1 else "pipeline"


def _non_torch(deployment: Deployment) -> str:
    if deployment.options.tensor_parallel > 1:
        layout = _links(deployment)
        return f"non_torch_{layout}_gib"
    return "non_torch_pipeline_gib" if deployment.options.pipeline_parallel > 1 else "non_torch_gib"


def _range(facts: EngineFacts, name: str) -> tuple[int, int]:
    """Both ends of a constant in bytes, as `…_low_gib` and `…_high_gib` state them; the constant itself where none is known."""
    stem = name.removesuffix("_gib")
    low, high = (facts.constants.get(f"{stem}_{end}_gib", facts.constants[name]) for end in ("low", "high"))
    return int(low * GIB), int(high * GIB)


def _gib(amount: float) -> Factor:
    return Factor("bytes", int(amount * GIB), Lever.ENGINE, f"{amount:g} GiB")
