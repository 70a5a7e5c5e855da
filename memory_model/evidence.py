"""How far a number was measured: the row of the accuracy table that stands behind a component."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import yaml

from .amount import Component, Evidence
from .deployment import Deployment
from .places import PRESETS

ACCURACY_FILE = PRESETS / "accuracy.yaml"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One engine's quantity, or that of one of its versions, over all its measured cases; errors are shares of the measurement."""

    engine: str
    quantity: str
    cases: int
    exact: int
    median_error: float
    ninety_fifth_error: float
    """The smallest error that 95 of 100 cases do not exceed."""
    worst_error: float


@lru_cache(maxsize=1)
def accuracy_table() -> tuple[Accuracy, ...]:
    """The table as it was last computed."""
    return tuple(Accuracy(**row) for row in yaml.safe_load(ACCURACY_FILE.read_text(encoding="utf-8")))


def measured(deployment: Deployment, component: Component) -> Accuracy | None:
    """The measurements behind a component of an inference engine; None where it is assumed, or nothing was measured."""
    if component.evidence is Evidence.ASSUMED:
        return None
    facts = deployment.engine.facts
    quantity = _quantity(deployment, component.name)
    names = (facts.name, f"{facts.name} {facts.version.split()[0].rpartition('.')[0]}", f"{facts.name} {facts.version}")
    for row in accuracy_table():
        if row.engine in names and row.quantity == quantity:
            return row
    return None


def said(row: Accuracy, version: str) -> str:
    """The row in words, for people."""
    errors = f"median error {row.median_error:.2%}, worst {row.worst_error:.2%}"
    if row.exact == row.cases:
        errors = "every one equal to the byte"
    elif row.exact > row.cases / 2:
        errors = f"{row.exact:,} equal to the byte, worst error {row.worst_error:.2%}"
    return f"compared in {row.cases:,} cases of {version}: {errors}"


def _quantity(deployment: Deployment, component: str) -> str:
    """What the accuracy table calls a component in the mode that the deployment runs in."""
    engine = deployment.engine.facts.name
    if component == "kv_cache":
        return "KV bytes per token" if engine in ("vllm", "sglang") else "KV cache and states"
    if component == "weights":
        return "weights" if engine == "llama.cpp" else "weights of a GPU"
    if component != "activations":
        return ""
    options, workload = deployment.options, deployment.workload
    if engine == "llama.cpp":
        return "compute buffer, CPU alone" if options.placement == "cpu" else "compute buffer, device"
    if engine != "transformers":
        return "activation peak"
    if not options.use_cache:
        return "activations, no cache"
    if options.cache_implementation != "dynamic":
        return f"activations, {options.cache_implementation} cache"
    if deployment.scheme.name == "fp32":
        return "activations, float32"
    if deployment.scheme.name not in ("bf16", "fp16"):
        return "activations, quantised weights"
    if workload.phase == "prefill" and options.step_tokens:
        return "activations, prefill in chunks"
    return f"activations, {'first token' if workload.phase == 'first_decode' else workload.phase}"
