"""Feed-forward blocks as llama.cpp builds them (llama-graph.cpp build_ffn, build_moe_ffn)."""

from __future__ import annotations

from dataclasses import dataclass

from ...blocks.mlp import DenseBesideExperts, DenseMlp, MixtureOfExperts
from .graph import Source, Tensor, computed, stored, view
from .prompt import Prompt

FUSED_SUM = range(2, 16)
"""Experts per token whose weighted sum CUDA computes at once (ggml-cuda.cu MOE_WEIGHTED_REDUCTION_MAX_EXPERTS)."""
FUSED_CHOICE = (288, 576)
"""Numbers of experts, besides powers of two up to 512, that CUDA chooses among at once (topk-moe.cu)."""


@dataclass(frozen=True, slots=True)
class Routing:
    """How a family chooses and weighs experts."""

    gate: str = "softmax"
    """`softmax`, `sigmoid` or `sqrtsoftplus` over all experts; `chosen`: softmax over those chosen."""
    normalised: bool = True
    scaled: bool = False
    groups: int = 1
    groups_used: int = 1
    biased: bool = False
    """A balancing offset takes part in the choice alone."""
    divided_gate: bool = False
    """The gate of shared experts is silu(x) / x instead of sigmoid(x) (qwen2moe.cpp)."""
    joined: bool = False
    """Gate and up of experts come out of one matrix."""
    scales_outputs: bool = False
    """Every expert has a factor for its output."""
    weighs_input: bool = False
    """Experts see their input times their weight (Llama 4)."""


def dense(prompt: Prompt, mlp: DenseMlp, source: Source, *, situ: bool = False) -> Tensor:
    """Gate and up, their product, and down."""
    return gated(prompt, source, mlp.intermediate_size, gate=mlp.gated, fused=mlp.fused, situ=situ)


def gated(
    prompt: Prompt, source: Source, width: int, *, gate: bool = True, fused: bool = False, situ: bool = False
) -> Tensor:
    """An activation overwrites what it reads, the product of a gate does not."""
    if fused:
        both = prompt.matmul(source, 2 * width, "gate and up")
        inner = computed("gated", (width, *both.shape[1:]), both)
    elif gate:
        inner = _opened(prompt.matmul(source, width, "gate"), prompt.matmul(source, width, "up"), situ=situ)
    else:
        inner = prompt.matmul(source, width, "up")
    return prompt.matmul(inner, source.shape[0], "MLP output")


def _opened(gate: Tensor, up: Tensor, *, situ: bool) -> Tensor:
    """The product of a gate, in one operation; or of its tanh, its sigmoid and the tanh of up (`situ`)."""
    if not situ:
        return computed("gated", up.shape, gate, up)
    softened = computed("gate, softened", gate.shape, gate, overwrites=True)
    opened = computed("gate, activated", gate.shape, gate, overwrites=True)
    activated = computed("gated", gate.shape, softened, opened, overwrites=True)
    return computed("gated", up.shape, activated, up, overwrites=True)


def mixture(prompt: Prompt, moe: MixtureOfExperts, routing: Routing, source: Source, *, situ: bool = False) -> Tensor:
    """Routed experts and their weighted sum, and shared experts beside them."""
    entering = prompt.matmul(source, moe.latent_size, "latent input") if moe.latent_size else source
    summed = _routed(prompt, moe, routing, source, entering, situ=situ)
    if moe.latent_norm:
        summed = prompt.norm(summed)
    if moe.latent_size:
        summed = prompt.matmul(summed, source.shape[0], "latent output")
    if not moe.shared_intermediate_size:
        return summed
    shared = gated(prompt, source, moe.shared_intermediate_size, gate=moe.gated, situ=situ)
    if moe.shared_gate:
        opened = prompt.matmul(source, 1, "gate of shared experts")
        if routing.divided_gate:
            activated = computed("gate, activated", opened.shape, opened, overwrites=True)
            opened = computed("gate, divided", opened.shape, activated, opened, overwrites=True)
        shared = computed("shared experts, gated", shared.shape, shared, opened, overwrites=True)
    return prompt.add_up(summed, shared, "experts and shared experts")


def beside(prompt: Prompt, mlp: DenseBesideExperts, routing: Routing, stream: Source) -> Tensor:
    """Experts, then a dense MLP, and their sum; the router, the experts and the MLP have a norm each (gemma4.cpp)."""
    choosing, entering = prompt.norm(stream, name="router input"), prompt.norm(stream)
    routed = _routed(prompt, mlp.experts, routing, choosing, entering)
    routed = prompt.norm(routed, name="experts, normed")
    return prompt.add_up(dense(prompt, mlp.dense, prompt.norm(stream)), routed, "MLP and experts")


def _routed(
    prompt: Prompt, moe: MixtureOfExperts, routing: Routing, source: Source, latent: Source, *, situ: bool = False
) -> Tensor:
    """Experts are chosen by the source; they read it, or what was projected from it."""
    graph, hidden, n = prompt.graph, latent.shape[0], latent.shape[1]
    used, width = moe.num_experts_per_tok, moe.moe_intermediate_size
    weights, chosen, steps = _choice(prompt, moe, routing, source)
    if prompt.settings.on_device and _is_fused(moe, routing) and not moe.hash_rows:
        graph.add(latent)
        graph.keep(steps, steps[1])
    entering: Source = view(latent, hidden, 1, n)
    if routing.weighs_input:
        repeated = computed("inputs of experts", (hidden, used, n), entering)
        entering = computed("weighted inputs of experts", repeated.shape, repeated, weights, overwrites=True)

    def product(of: Source, columns: int, name: str) -> Tensor:
        found = computed(name, (columns, used, n), of, chosen)
        return computed(f"{name}, biased", found.shape, found, chosen, overwrites=True) if moe.expert_bias else found

    if routing.joined:
        both = product(entering, 2 * width, "gate and up of experts")
        inner = computed("gated", (width, used, n), view(both, width, used, n))
    else:
        up = product(entering, width, "up of experts")
        inner = _opened(product(entering, width, "gate of experts"), up, situ=situ) if moe.gated else up
    raw = outputs = product(inner, hidden, "outputs of experts")
    kept: tuple[Source, ...] = (raw, weights)
    if routing.scales_outputs:
        factors = computed("factors of all experts", (1, moe.num_experts, n))
        factors = computed("factors of experts", (1, used, n), factors, chosen)
        outputs = computed("scaled outputs of experts", raw.shape, raw, factors, overwrites=True)
        kept = (*kept, factors)
    weighted = outputs
    if not routing.weighs_input:
        weighted = computed("weighted outputs of experts", outputs.shape, outputs, weights, overwrites=True)
    graph.add(weighted)
    if used == 1:
        return computed("sum of experts", (hidden, n), view(weighted))
    summed = computed("sum of experts", (hidden, n), view(weighted), view(weighted))
    graph.add(summed)
    for _ in range(used - 2):
        summed = computed("sum of experts", (hidden, n), summed, view(weighted), overwrites=True)
        graph.add(summed)
    if prompt.settings.on_device and used in FUSED_SUM and not routing.weighs_input:
        graph.keep(kept, weighted)
    return summed


def _choice(
    prompt: Prompt, moe: MixtureOfExperts, routing: Routing, source: Source
) -> tuple[Source, Source, list[Tensor]]:
    """Weights of the chosen experts, their numbers, and all that was computed for them."""
    graph, n, used = prompt.graph, source.shape[1], moe.num_experts_per_tok
    logits = prompt.matmul(source, moe.num_experts, "router logits")
    steps = _probabilities(routing, logits)
    probabilities = steps[-1]
    if moe.hash_rows:
        chosen: Source = computed("experts of tokens", (used, n), prompt.ids)
    else:
        steps += _ranked(routing, logits, probabilities)
        chosen = view(steps[-1], used, n)
    picked = computed("weights of experts", (1, used, n), view(probabilities), chosen)
    steps.append(picked)
    weights: Source = picked
    if routing.gate == "chosen":
        weights = view(computed("weights of experts", (used, n), view(picked)), 1, used, n)
    if routing.normalised:
        total = computed("sum of weights", (1, n), view(picked))
        clamped = computed("clamped sum of weights", (1, n), total, overwrites=True)
        share = computed("weights of experts", (used, n), view(picked), clamped, overwrites=True)
        steps += [total, clamped, share]
        weights = view(share, 1, used, n)
    if routing.scaled:
        scaled = computed("weights of experts", (1, used, n), weights, overwrites=True)
        steps.append(scaled)
        weights = scaled
    graph.add(weights)
    return weights, chosen, steps


def _probabilities(routing: Routing, logits: Tensor) -> list[Tensor]:
    """Logits, and what is made of them before experts are chosen."""
    steps = [logits]
    for _ in range({"chosen": 0, "sqrtsoftplus": 2}.get(routing.gate, 1)):
        steps.append(computed("router probabilities", logits.shape, steps[-1], overwrites=True))
    return steps


def _ranked(routing: Routing, logits: Tensor, probabilities: Tensor) -> list[Tensor]:
    """What experts are chosen by, and their order."""
    selection = logits if routing.weighs_input else probabilities
    if routing.biased:
        selection = computed("biased probabilities", logits.shape, probabilities, overwrites=True)
    ranked = _best_groups(routing, selection) if routing.groups > 1 else (selection,)
    return [selection, computed("experts by probability", logits.shape, *ranked)]


def _is_fused(moe: MixtureOfExperts, routing: Routing) -> bool:
    """Whether CUDA computes the choice at once (ggml-cuda.cu ggml_cuda_topk_moe_fusion)."""
    count = moe.num_experts
    fits = (count <= 512 and count & (count - 1) == 0) or count in FUSED_CHOICE
    return fits and routing.gate != "chosen" and routing.groups == 1 and not routing.weighs_input


def _best_groups(routing: Routing, selection: Tensor) -> tuple[Source, ...]:
    """Probabilities with all but the best groups of experts masked out."""
    experts, n = selection.shape
    groups, size = routing.groups, experts // routing.groups
    order = computed("experts by probability in groups", (size, groups, n), view(selection))
    best = computed("two best of a group", (1, 2, groups, n), view(selection), view(order))
    total = computed("sums of groups", (1, groups, n), view(best))
    ranked = computed("groups by probability", (groups, n), view(total))
    best_rows = computed("probabilities of the best groups", (size, routing.groups_used, n), view(selection), ranked)
    filled = computed("masked probabilities", (size, groups, n), view(selection))
    return stored("masked probabilities written", best_rows, ranked, filled), filled
