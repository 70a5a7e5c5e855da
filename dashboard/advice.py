"""What would make a scenario fit, in words: how far it may grow, and the cheapest levers."""

from __future__ import annotations

from functools import lru_cache

from memory_model import Scenario
from memory_model.estimate import breakdown
from memory_model.levers import Change, Remedy, model_of, three_cheapest
from memory_model.presets import devices

from .live.farthest import largest_batch, longest_context
from .own_models import asked, deployed
from .wording import amount, beside, count

MOST = 4
"""Sentences; three changes among them, since the last one is the dearest to find."""


@lru_cache(maxsize=256)
def what_would_fit(scenario: Scenario, unit: str) -> tuple[str, ...]:
    """Sentences, each a change that makes it fit; empty without a device or when it fits already. Raises InputError."""
    deployment = deployed(scenario)
    if deployment.device is None:
        return ()
    if int(breakdown(deployment).bytes) <= deployment.engine.memory_limit(deployment):
        return ()
    found = []
    tokens = longest_context(scenario)
    if tokens >= 1:
        found.append(f"at most {count(tokens, 'token')}")
    sequences = largest_batch(scenario)
    if sequences >= 1:
        found.append(f"at most {count(sequences, 'sequence')} at once")
    shown = min(3, MOST - len(found))
    remedies = three_cheapest(asked(scenario), shown)
    found += [remedy_words(remedy, unit) for remedy in remedies]
    return tuple(found)


def _inside(change: Change, remedy: Remedy) -> str:
    """A change as it stands within a sentence: small, but for names of models and what is written large throughout.

    Devices and layers on the GPU are named by their number, which is what somebody orders and types.
    """
    scenario, label = remedy.asked.scenario, change.label
    if change.slot == "tensor_parallel":
        return f"{remedy.gpus} × {devices()[scenario.device].name}"
    if change.slot == "gpu_layers":
        return f"{scenario.gpu_layers} of {model_of(remedy.asked).num_hidden_layers + 1} layers on the GPU"
    is_word = label[1:2].islower() or label[1:2] == " "
    return label[0].lower() + label[1:] if is_word and change.kind != "distillation" else label


def remedy_words(remedy: Remedy, unit: str) -> str:
    """`vLLM + 4 × H100 SXM 80GB: 48.7 GiB on each`."""
    labels = " + ".join(_inside(change, remedy) for change in remedy.changes)
    each = " on each" if remedy.gpus > 1 else ""
    return f"{labels}: {amount(int(remedy.memory.bytes), unit)}{each}{beside(remedy.memory, unit)}"
