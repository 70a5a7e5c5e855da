"""The start-up profile: the peak of a forward pass and of the sampler, which stays reserved."""

from __future__ import annotations

from fractions import Fraction

from ...amount import Component, Evidence, Factor, Lever, Moment, Number, Term
from ...blocks.mlp import DenseMlp
from ...deployment import Deployment
from ...model_shape import ModelShape
from ...units import GIB
from ..facts import EngineFacts
from .experts import experts_of, workspace
from .images import largest_image, profiled_images
from .runner import STREAMS, Runner, runner_of

FITTED_SEQUENCES = 1024
"""max_num_seqs of every run that the sampler's peak of 0.19 was fitted on (tests/measured/vllm.csv)."""
KINDS = {"Attention", "LatentAttention", "DenseMlp", "MixtureOfExperts"}
"""Kinds of layers of the models whose peaks were logged (`kinds_of_layers` over tests/measured/vllm.csv)."""
FORWARD = "within 1 % of three runs: Qwen3-4B at 10,000 tokens, Qwen2.5-1.5B and 7B at 32,768"


def peak(deployment: Deployment, facts: EngineFacts) -> Component:
    """The larger of a forward pass over a step of tokens and a sampler over all sequences, in bytes."""
    images, runner = profiled_images(deployment), runner_of(deployment, facts)
    doubts = tuple(_doubts(deployment, facts, runner))
    note = "; ".join(doubts) or facts.sources["sampler_bytes_per_logit"]
    evidence = Evidence.ASSUMED if doubts else Evidence.MEASURED
    forward = forward_terms(deployment, deployment.options.step_tokens or 0, runner.forward_streams)
    moments = (_sampler(deployment, facts, runner, images), Moment("forward", (*forward, *images)))
    return Component("activations", moments, evidence, note)


def _doubts(deployment: Deployment, facts: EngineFacts, runner: Runner) -> list[str]:
    """What the measured runs do not cover."""
    model, doubts = deployment.model, []
    if not facts.constants["profile_measured"]:
        doubts.append(facts.sources["profile_measured"])
    fitted = runner.bytes_per_logit == facts.constants["sampler_bytes_per_logit"]
    if fitted and deployment.options.max_num_seqs != FITTED_SEQUENCES:
        doubts.append(f"0.19 was fitted at max_num_seqs {FITTED_SEQUENCES:,} only")
    if runner.bytes_per_logit == facts.constants["sampler_bytes_per_logit_on_amd"] and not fitted:
        doubts.append(facts.sources["sampler_bytes_per_logit_on_amd"])
    if unlike := sorted(kinds_of_layers(model) - KINDS):
        doubts.append(f"no log shows the peak of such layers: {', '.join(unlike)}")
    vision = any(tower.name == "vision" for tower in model.towers)
    if deployment.parts == "all" and vision and largest_image(model.config) is None:
        doubts.append("the pixels of this model's images are not counted: 0.03 to 0.1 GiB in two logs")
    if deployment.parts == "all" and any(tower.name == "audio" for tower in model.towers):
        doubts.append("the profile of an audio tower is not counted")
    if experts_of(model) is not None and deployment.scheme.name not in ("bf16", "fp16", "fp32", "mxfp4"):
        doubts.append("the workspace of experts was measured with 16-bit weights and MXFP4 only")
    return doubts


def kinds_of_layers(model: ModelShape) -> set[str]:
    """What the layers are made of, by name: mixers, MLPs, whether these have a gate, what beside norms is around them."""
    kinds = set()
    for group in model.layers:
        for part in (group.mixer, group.mlp):
            if part is not None:
                kinds.add(
                    type(part).__name__ if getattr(part, "gated", True) else f"{type(part).__name__} without a gate"
                )
        if any(tensor.part != "norms" for tensor in group.around):
            kinds.add("matrices beside mixer and MLP")
    return kinds


def _sampler(deployment: Deployment, facts: EngineFacts, runner: Runner, images: tuple[Term, ...]) -> Moment:
    model, options = deployment.model, deployment.options
    source = runner.source
    value = deployment.value_bytes
    copies = Fraction(str(runner.bytes_per_logit)) - 2 + int(value.value)
    sequences = Factor("max_num_seqs", options.max_num_seqs or 0, Lever.ENGINE)
    step = Factor("tokens in a step", options.step_tokens or 0, Lever.ENGINE)
    vocabulary = Factor("vocabulary", model.vocab_size, Lever.MODEL)
    hidden = Factor("hidden size", model.hidden_size, Lever.MODEL)
    streams = Factor("residual streams", Fraction(str(facts.constants["sampler_streams"])), Lever.ENGINE, "fitted")
    rest = Factor("bytes", int(facts.constants["sampler_rest_gib"] * GIB), Lever.ENGINE, "fitted")
    per_logit = Factor("bytes per logit", copies, Lever.ENGINE, "fitted")
    terms = (
        Term("logits and what sorts them", (sequences, vocabulary, per_logit), source),
        Term("hidden states", (step, hidden, streams, value), source),
        Term("rest", (rest,), source),
    )
    kept = workspace(deployment, options.step_tokens or 0) if facts.constants["experts_workspace_kept"] else ()
    return Moment("sampler", (*terms, *kept, *images))


def forward_terms(deployment: Deployment, tokens: Number, streams: int = STREAMS) -> tuple[Term, ...]:
    """What is alive in the busiest layer of a forward pass over so many tokens, on one GPU.

    The widest MLP, or the experts' workspace, and `streams` tensors of the hidden size beside it.
    """
    model, options = deployment.model, deployment.options
    widths = [group.mlp.intermediate_size for group in model.layers if isinstance(group.mlp, DenseMlp)]
    width = -(-max(widths, default=0) // options.tensor_parallel)
    step = Factor("tokens in a step", tokens, Lever.ENGINE)
    hidden = Factor("hidden size", model.hidden_size, Lever.MODEL)
    tensors = Factor("tensors", streams, Lever.ENGINE)
    beside = Term("streams", (tensors, step, hidden, deployment.value_bytes), FORWARD)
    if not width:
        return (*workspace(deployment, tokens), beside)
    mlp = Term(
        "MLP",
        (
            Factor("tensors", 3, Lever.ENGINE, "gate, up, product"),
            step,
            Factor("MLP width on this GPU", width, Lever.MODEL),
            deployment.value_bytes,
        ),
        FORWARD,
    )
    return (mlp, beside)
