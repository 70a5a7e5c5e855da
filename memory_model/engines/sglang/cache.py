"""What a workload needs of SGLang's pools: one slot a token in every layer, and states in a part of their own."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

from ...amount import Component, Evidence, Factor, Lever, Moment, Term
from ...deployment import Deployment
from ...model_shape import ModelShape
from ..vllm.compressed import is_compressed
from ..vllm.pages import Pages
from ..vllm.parallel import stages
from .compressed import compressed_terms

POOL = "mem_cache/memory_pool.py: a slot for every token in every layer, pages of one token"
STATE = "mem_cache/memory_pool.py MambaPool; configs/mamba_utils.py mamba2_state_dtype: float32 unless the model says otherwise"
LOGGED = "bytes per token of 20 logged pools agree within the rounding of print"
STATES = "bytes of a state as three logs print them; the part of the pool that states have is fixed by SGLang"
COMPRESSED = "bytes of a token as two logs of 0.5.15 and later print them; 0.5.5 has no DeepSeek-V4"
WINDOWS = "window layers hold the whole context, as the engine has it for this model"
POOLS = "windows have 0.8 slots a token in a pool of their own, as logs of gpt-oss and Gemma 4 print them"
OWN_POOL = ("gpt_oss", "gemma4_text", "llama4_text", "mimo_v2_flash", "step3p5")
"""Models whose windows have a pool of their own beside DeepSeek-V4's (model_config.py is_hybrid_swa_model)."""


def needed(deployment: Deployment) -> Component:
    """Slots and states on one GPU of the fullest stage, in bytes; window layers hold the whole context as well.

    Tokens and states have parts of the pool in a fixed proportion, so that either may decide how large it must be.
    """
    all_stages = stages(deployment.model, deployment.options.pipeline_parallel)
    share = Fraction(str(deployment.engine.facts.constants["mamba_full_memory_ratio"]))
    moments: list[Moment] = []
    for number, stage in enumerate(all_stages):
        name = f"stage {number + 1}, " if len(all_stages) > 1 else ""
        slots, states = slot_terms(deployment, stage), state_terms(deployment, stage)
        if slots and states:
            moments.append(Moment(f"{name}as tokens need it", (*slots, _kept("states", slots, 2, share))))
            moments.append(Moment(f"{name}as states need it", (*states, _kept("tokens", states, 1, 1 / share))))
        else:
            moments.append(Moment(f"{name}end of the phase", (*slots, *states)))
    evidence, note = _evidence(deployment)
    return Component("kv_cache", tuple(moments), evidence, note)


def _evidence(deployment: Deployment) -> tuple[Evidence, str]:
    entries = [entry for group in deployment.model.layers if group.mixer for entry in group.mixer.cache()]
    if is_compressed(deployment.model):
        return Evidence.MEASURED, COMPRESSED
    if any(not entry.grows for entry in entries):
        return Evidence.MEASURED, STATES
    if not any(entry.window for entry in entries):
        return Evidence.EXACT, LOGGED
    return (Evidence.MEASURED, POOLS) if deployment.model.modeling in OWN_POOL else (Evidence.ASSUMED, WINDOWS)


def _kept(what: str, terms: tuple[Term, ...], rising: int, share: Fraction) -> Term:
    """What the fixed proportion keeps for the other kind, needed or not; the first `rising` factors are the workload's."""
    each = sum(int(Term("", term.factors[rising:]).bytes) for term in terms)
    size = Factor("bytes", ceil(each * share), Lever.ENGINE, f"{share} of {each:,}: mamba_full_memory_ratio")
    return Term(f"kept for {what}", (*terms[0].factors[:rising], size), STATE, "kept")


def state_terms(deployment: Deployment, stage: ModelShape) -> tuple[Term, ...]:
    """Recurrent states of a stage: those that the scheduler demands before it lets a sequence run."""
    each = int(deployment.engine.facts.constants["states_per_sequence"])
    held = Factor("states a sequence", each, Lever.ENGINE, "the running one, and those of the radix cache")
    found = []
    for layers in Pages(deployment, stage, state_bytes=4).groups():
        if not layers.entries:
            count = Factor("layers", layers.layers, Lever.MODEL)
            state = Factor("bytes", layers.page, Lever.MODEL, "convolution and recurrent state of one layer")
            found.append(Term("recurrent state", (deployment.workload.sequences, held, count, state), STATE, "state"))
    return tuple(found)


def slot_terms(deployment: Deployment, stage: ModelShape) -> tuple[Term, ...]:
    """What a stage keeps by the token."""
    if is_compressed(stage):
        windows = Fraction(str(deployment.engine.facts.constants["swa_full_tokens_ratio"]))
        return tuple(compressed_terms(deployment, stage, windows))
    workload, pages, found = deployment.workload, Pages(deployment, stage), []
    share = Fraction(str(deployment.engine.facts.constants["swa_full_tokens_ratio_elsewhere"]))
    fewer = -(-workload.context_length * share.numerator // share.denominator)
    held = Factor("slots of windows", fewer, Lever.ENGINE, f"swa_full_tokens_ratio: {float(share):g} a token")
    for layers in pages.groups():
        count = Factor("layers", layers.layers, Lever.MODEL)
        for entry in layers.entries:
            kind = "full attention" if entry.window is None else f"window of {entry.window:,}"
            own_pool = entry.window is not None and stage.modeling in OWN_POOL
            factors = (workload.sequences, held if own_pool else workload.tokens, count, *pages.row(entry))
            found.append(Term(f"{entry.label}, {kind}", factors, POOL, kind))
    return tuple(found)
