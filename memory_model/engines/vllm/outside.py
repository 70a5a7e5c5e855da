"""What lies outside torch's allocator: driver context, libraries, CUDA graphs."""

from __future__ import annotations

from ...amount import Component, Evidence, Factor, Lever, Moment, Term
from ...deployment import Deployment
from ...units import GIB
from ..engine import EngineFacts


def outside_torch(deployment: Deployment, facts: EngineFacts) -> Component:
    """Driver context, libraries and CUDA graphs, in bytes.

    Of the graphs' range the middle counts: it is off by the least whichever end is met. Both ends stand in `between`.
    """
    low, high = facts.constants["graphs_low_gib"], facts.constants["graphs_high_gib"]
    range_note = f"the middle of {low:g} to {high:g} GiB"
    graphs = Factor("bytes", graph_bytes(facts), Lever.ENGINE, range_note)
    terms = [
        Term("non-torch memory", (_gib(non_torch(deployment, facts)),), facts.sources["non_torch_gib"]),
        Term("CUDA graphs", (graphs,), facts.sources["graphs_low_gib"]),
    ]
    if deployment.device is not None and deployment.device.vendor == "NVIDIA":
        context = Factor("bytes", facts.cuda_context_bytes, Lever.DEVICE)
        terms.insert(0, Term("CUDA context", (context,), facts.cuda_context_source))
    always = Moment("always", tuple(terms))
    counted = int(always.bytes) - graph_bytes(facts)
    between = (counted + int(low * GIB), counted + int(high * GIB))
    note = f"CUDA graphs: {range_note} counts; {facts.sources['graphs_low_gib']}"
    return Component("overhead", (always,), Evidence.ASSUMED, note, between)


def graph_bytes(facts: EngineFacts) -> int:
    """What is counted for CUDA graphs."""
    return int((facts.constants["graphs_low_gib"] + facts.constants["graphs_high_gib"]) / 2 * GIB)


def non_torch(deployment: Deployment, facts: EngineFacts) -> float:
    """GiB that the profile finds outside torch's allocator: NCCL's buffers where GPUs share layers."""
    options = deployment.options
    if options.tensor_parallel > 1:
        return facts.constants["non_torch_tensor_parallel_gib"]
    return facts.constants["non_torch_pipeline_gib" if options.pipeline_parallel > 1 else "non_torch_gib"]


def _gib(amount: float) -> Factor:
    return Factor("bytes", int(amount * GIB), Lever.ENGINE, f"{amount:g} GiB")
