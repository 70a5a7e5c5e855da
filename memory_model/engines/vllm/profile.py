"""The start-up profile: the peak of a forward pass and of the sampler, and what lies outside torch's allocator."""

from __future__ import annotations

from fractions import Fraction

from ...amount import Component, Evidence, Factor, Lever, Moment, Term
from ...blocks.mlp import DenseMlp, MixtureOfExperts
from ...deployment import Deployment
from ...units import GIB
from ..engine import EngineFacts

FITTED_SEQUENCES = 1024
"""max_num_seqs of every run that the sampler's peak was fitted on."""


def peak(deployment: Deployment, facts: EngineFacts) -> Component:
    """The larger of a forward pass over a step of tokens and a sampler over all sequences, in bytes."""
    model, options = deployment.model, deployment.options
    experts = next((group.mlp for group in model.layers if isinstance(group.mlp, MixtureOfExperts)), None)
    doubts = []
    if experts is not None:
        doubts.append("the workspace of experts is assumed: 2 to 7 % below three measured models")
    if deployment.parts == "all":
        doubts.append("the profile of a vision tower is not counted (Gemma 3: 3.9 GiB measured)")
    if options.max_num_seqs != FITTED_SEQUENCES:
        doubts.append(f"fitted at max_num_seqs {FITTED_SEQUENCES:,} only")
    evidence = Evidence.ASSUMED if doubts else Evidence.MEASURED
    note = "; ".join(doubts) or "fitted on 21 points of vLLM 0.19 on H100: mean error 0.3 %, largest 2.1 %"
    moments = (_sampler(deployment, facts, experts), _forward(deployment))
    return Component("activations", moments, evidence, note)


def _sampler(deployment: Deployment, facts: EngineFacts, experts: MixtureOfExperts | None) -> Moment:
    model, options = deployment.model, deployment.options
    source = facts.sources["sampler_bytes_per_logit"]
    value = deployment.value_bytes
    copies = _constant(facts, "sampler_bytes_per_logit") - 2 + int(value.value)
    sequences = Factor("max_num_seqs", options.max_num_seqs or 0, Lever.ENGINE)
    step = Factor("tokens in a step", options.step_tokens or 0, Lever.ENGINE)
    vocabulary = Factor("vocabulary", model.vocab_size, Lever.MODEL)
    hidden = Factor("hidden size", model.hidden_size, Lever.MODEL)
    streams = Factor("residual streams", _constant(facts, "sampler_streams"), Lever.ENGINE, "fitted")
    rest = Factor("bytes", int(facts.constants["sampler_rest_gib"] * GIB), Lever.ENGINE, "fitted")
    terms = [
        Term(
            "logits and what sorts them",
            (sequences, vocabulary, Factor("bytes per logit", copies, Lever.ENGINE, "fitted")),
            source,
        ),
        Term("hidden states", (step, hidden, streams, value), source),
        Term("rest", (rest,), source),
    ]
    if experts is not None and deployment.scheme.name != "mxfp4":
        terms.append(_workspace(deployment, experts))
    return Moment("sampler", tuple(terms))


def _workspace(deployment: Deployment, experts: MixtureOfExperts) -> Term:
    """Two buffers of the fused kernel: the outputs of gate and up or of down, and the product (fused_moe.py)."""
    width = -(-experts.moe_intermediate_size // deployment.options.tensor_parallel)
    values = max(2 * width, deployment.model.hidden_size) + width
    return Term(
        "workspace of experts",
        (
            Factor("tokens in a step", deployment.options.step_tokens or 0, Lever.ENGINE),
            Factor("experts per token", experts.num_experts_per_tok, Lever.MODEL),
            Factor("values", values, Lever.MODEL, "the wider of two projections and the hidden size, and the product"),
            deployment.value_bytes,
        ),
        "fused_moe.py",
    )


def _forward(deployment: Deployment) -> Moment:
    model, options = deployment.model, deployment.options
    widths = [group.mlp.intermediate_size for group in model.layers if isinstance(group.mlp, DenseMlp)]
    width = -(-max(widths, default=0) // options.tensor_parallel)
    step = Factor("tokens in a step", options.step_tokens or 0, Lever.ENGINE)
    source = "within 1 % of three runs: Qwen3-4B at 10,000 tokens, Qwen2.5-1.5B and 7B at 32,768"
    three = Factor("tensors", 3, Lever.ENGINE, "gate, up, product")
    four = Factor("tensors", 4, Lever.ENGINE)
    mlp = Term(
        "MLP", (three, step, Factor("MLP width on this GPU", width, Lever.MODEL), deployment.value_bytes), source
    )
    hidden = Factor("hidden size", model.hidden_size, Lever.MODEL)
    return Moment(
        "forward", (*((mlp,) if width else ()), Term("streams", (four, step, hidden, deployment.value_bytes), source))
    )


def outside_torch(deployment: Deployment, facts: EngineFacts) -> Component:
    """Driver context, libraries and CUDA graphs, in bytes."""
    low, high = facts.constants["graphs_low_gib"], facts.constants["graphs_high_gib"]
    terms = [
        Term("non-torch memory", (_gib("bytes", non_torch(deployment, facts)),), facts.sources["non_torch_gib"]),
        Term("CUDA graphs", (_gib("bytes", (low + high) / 2),), facts.sources["graphs_low_gib"]),
    ]
    if deployment.device is not None and deployment.device.vendor == "NVIDIA":
        terms.insert(
            0,
            Term(
                "CUDA context",
                (Factor("bytes", facts.cuda_context_bytes, Lever.DEVICE),),
                facts.cuda_context_source,
            ),
        )
    note = f"CUDA graphs take {low} to {high} GiB for 51 captured sizes: the middle is counted"
    return Component("overhead", (Moment("always", tuple(terms)),), Evidence.ASSUMED, note)


def non_torch(deployment: Deployment, facts: EngineFacts) -> float:
    """GiB that the profile finds outside torch's allocator: NCCL's buffers where GPUs share layers."""
    options = deployment.options
    if options.tensor_parallel > 1:
        return facts.constants["non_torch_tensor_parallel_gib"]
    return facts.constants["non_torch_pipeline_gib" if options.pipeline_parallel > 1 else "non_torch_gib"]


def _gib(name: str, amount: float) -> Factor:
    return Factor(name, int(amount * GIB), Lever.ENGINE, f"{amount:g} GiB")


def _constant(facts: EngineFacts, name: str) -> Fraction:
    return Fraction(str(facts.constants[name]))
