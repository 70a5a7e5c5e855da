"""What SGLang holds beside its pool: activations of a step, the driver, CUDA graphs. It profiles none of it."""

from __future__ import annotations

from ...amount import Component, Evidence, Factor, Lever, Moment, Term
from ...deployment import Deployment, Device
from ...units import GIB
from ..facts import EngineFacts
from ..vllm.profile import forward_terms
from .settings import captured

SAMPLER = "layers/sampler.py: logits in the model's type and in float32, probabilities in place"
NOTE = "not logged by SGLang: a layer's buffers as vLLM's profile shows them, and the sampler's as its code has them"


def activations(deployment: Deployment) -> Component:
    """The busiest of a forward pass over a full chunk and of sampling for the largest captured batch, in bytes.

    The same in every phase: chunks of one prompt alternate with steps of the other sequences.
    """
    options = deployment.options
    most = captured(deployment.device, options.tensor_parallel)
    sequences = Factor("sequences of the largest graph", most, Lever.ENGINE)
    vocabulary = Factor("vocabulary", deployment.model.vocab_size, Lever.MODEL)
    per_logit = Factor("bytes per logit", int(deployment.value_bytes.value) + 4, Lever.ENGINE)
    sampler = Moment("sampler", (Term("logits", (sequences, vocabulary, per_logit), SAMPLER),))
    forward = Moment("forward", forward_terms(deployment, options.step_tokens or 0))
    return Component("activations", (forward, sampler), Evidence.ASSUMED, NOTE)


def overhead(deployment: Deployment, facts: EngineFacts) -> Component:
    """Driver context, buffers between GPUs, CUDA graphs, in bytes; of the graphs' range the middle counts."""
    low, high = facts.constants["graphs_low_gib"], facts.constants["graphs_high_gib"]
    middle = Factor("bytes", int((low + high) / 2 * GIB), Lever.ENGINE, f"the middle of {low:g} to {high:g} GiB")
    terms = [Term("CUDA graphs", (middle,), facts.sources["graphs_low_gib"])]
    taken = before_loading(deployment, facts)
    if taken:
        factor = Factor("bytes", taken, Lever.ENGINE, "context and communication")
        terms.append(Term("taken before loading", (factor,), facts.sources["communication_gib"]))
    least, most = _ends_before_loading(deployment, facts)
    between = (least + int(low * GIB), most + int(high * GIB))
    note = f"CUDA graphs: {middle.note} counts; {facts.sources['graphs_low_gib']}; tables of requests not counted"
    return Component("overhead", (Moment("always", tuple(terms)),), Evidence.ASSUMED, note, between)


def before_loading(deployment: Deployment, facts: EngineFacts) -> int:
    """Bytes that the driver's context and communication take before SGLang measures what is free."""
    return _context(deployment, facts) + _communication(deployment, facts)


def _communication(deployment: Deployment, facts: EngineFacts, end: str = "") -> int:
    """Bytes of buffers between GPUs, or the low or the high end of them."""
    if deployment.options.devices == 1:
        return 0
    name = f"communication{_links(deployment.device)}"
    counted = facts.constants[f"{name}_gib"]
    return int((facts.constants.get(f"{name}_{end}_gib", counted) if end else counted) * GIB)


def _context(deployment: Deployment, facts: EngineFacts) -> int:
    context = facts.driver_context(deployment.device) if deployment.device else None
    return int(context.bytes) if context is not None else 0


def _links(device: Device | None) -> str:
    """How the constants name what links several of these GPUs, where it is not NVLink."""
    if device is None:
        return ""
    if device.vendor == "AMD":
        return "_on_amd"
    return "_without_nvlink" if device.without_nvlink else ""


def _ends_before_loading(deployment: Deployment, facts: EngineFacts) -> tuple[int, int]:
    """The least and the most of what is taken before loading."""
    context = _context(deployment, facts)
    ends = facts.driver_context_range(deployment.device) if deployment.device else None
    low, high = ends or (context, context)
    return low + _communication(deployment, facts, "low"), high + _communication(deployment, facts, "high")
