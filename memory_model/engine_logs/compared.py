"""Observed beside predicted, and the setting that would explain a difference, found by trying it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..amount import Component, Moment
from ..deployment import Deployment
from ..errors import InputError
from ..estimate import breakdown
from ..model_shape import ModelShape
from ..presets import engines, model_presets, weight_schemes
from ..resolve import resolve
from ..scenario import DEFAULTS, ENGINE_OPTIONS, Scenario
from .log import EngineLog, Printed

NEAR = 0.005
"""A share of the printed figure within which a prediction counts as equal where print rounding is finer."""
LABELS = {
    "weights": "Weights",
    "kv_cache": "KV cache",
    "compute": "Activations",
    "output": "Output buffer",
    "graphs": "CUDA graphs",
    "non_torch": "Outside torch's allocator",
    "kv_tokens": "Tokens that the cache holds",
    "concurrency": "Sequences of this length at once",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of the log and what is predicted for it, in bytes unless `unit` says otherwise."""

    label: str
    printed: float
    predicted: float
    unit: str
    lines: tuple[int, ...]
    agrees: bool
    """Whether rounding in print, or half a per cent, covers the difference."""
    reason: str

    @property
    def difference(self) -> float:
        """Predicted less printed."""
        return self.predicted - self.printed


def scenario_of(log: EngineLog, shown: Scenario, model: ModelShape | None = None) -> tuple[Scenario, dict[str, Any]]:
    """The scenario that is shown, with every setting of the log that can run, and these settings.

    `model` stands in for the shown scenario's own, already read.
    """
    usual: dict[str, Any] = {key: DEFAULTS[key] for key in (*ENGINE_OPTIONS, "engine_version", "kv_cache")}
    scenario = replace(shown, engine=log.engine, phase="peak", logits=None, attention=None, **usual)
    taken: dict[str, Any] = {}
    wanted = ({"model": name} if (name := _preset(log.model)) else {}) | dict(log.settings)
    for key, value in wanted.items():
        try:
            tried = replace(scenario, **{key: value})
            resolve(tried, model if tried.model == shown.model else None)
        except InputError:
            continue
        scenario, taken[key] = tried, value
    return scenario, taken


def compare(log: EngineLog, scenario: Scenario, model: ModelShape | None = None) -> tuple[Comparison, ...]:
    """Every figure of the log that the engine's model predicts. Raises InputError for a scenario that cannot run."""
    return tuple(_comparisons(log, scenario, model))


def _comparisons(log: EngineLog, scenario: Scenario, model: ModelShape | None) -> Iterator[Comparison]:
    deployment = resolve(scenario, model)
    for quantity, on_host, figures in _grouped(log):
        predicted = _predicted(deployment, quantity, on_host)
        if predicted is None:
            continue
        printed = sum(figure.value for figure in figures)
        rounding = sum(figure.half_digit for figure in figures)
        agrees = _close(predicted, printed, rounding)
        reason = "equal as far as the log prints" if abs(predicted - printed) <= rounding else "within half a per cent"
        if not agrees:
            reason = _reason(scenario, model, quantity, on_host, printed, rounding)
        words = f"{LABELS[quantity]}, in host memory" if on_host else LABELS[quantity]
        unit = {"kv_tokens": "tokens", "concurrency": "times"}.get(quantity, "bytes")
        yield Comparison(words, printed, predicted, unit, tuple(figure.line for figure in figures), agrees, reason)


def _grouped(log: EngineLog) -> Iterator[tuple[str, bool, list[Printed]]]:
    """Figures that belong together: all buffers of one place are added; of several devices the fullest counts."""
    for quantity in LABELS:
        for on_host in (False, True):
            found = [figure for figure in log.printed if figure.quantity == quantity and figure.on_host == on_host]
            places: dict[str, list[Printed]] = {}
            for figure in found:
                places.setdefault(figure.place if not on_host else "host", []).append(figure)
            if places:
                fullest = max(places.values(), key=lambda figures: sum(figure.value for figure in figures))
                parts = {figure.line for figure in fullest}
                together = fullest if fullest[0].place or len(parts) == 1 else fullest[-1:]
                yield quantity, on_host, together


def _predicted(deployment: Deployment, quantity: str, on_host: bool) -> float | None:
    memory = breakdown(deployment)
    if deployment.engine.facts.name == "llama.cpp":
        return _of_buffers(memory.components if not on_host else memory.host, quantity)
    pool = deployment.engine.pool(deployment) if deployment.device else None
    overhead = memory["overhead"].busiest
    if quantity in ("weights", "compute"):
        return int(memory["weights" if quantity == "weights" else "activations"].bytes)
    if quantity == "graphs":
        return _named(overhead, "CUDA graphs")
    if quantity == "non_torch":
        return _named(overhead, "non-torch")
    if pool is None:
        return None
    return {"kv_cache": pool.bytes, "kv_tokens": pool.tokens, "concurrency": pool.max_concurrency}.get(quantity)


def _of_buffers(components: Sequence[Component], quantity: str) -> float | None:
    name = {"weights": "weights", "kv_cache": "kv_cache", "compute": "activations", "output": "activations"}.get(
        quantity
    )
    component = next((part for part in components if part.name == name), None)
    if component is None:
        return None
    output = _named(component.busiest, "output buffer") or 0
    if quantity == "output":
        return output or None
    return int(component.bytes) - (output if quantity == "compute" else 0)


def _named(moment: Moment, label: str) -> int | None:
    found = [int(term.bytes) for term in moment.terms if label in term.label]
    return sum(found) if found else None


def _close(predicted: float, printed: float, rounding: float) -> bool:
    return abs(predicted - printed) <= max(rounding, NEAR * printed)


def _reason(
    scenario: Scenario, model: ModelShape | None, quantity: str, on_host: bool, printed: float, rounding: float
) -> str:
    """The one setting that would explain the figure, else what the prediction itself says about its certainty."""
    for key, value in _alternatives(scenario, quantity):
        try:
            predicted = _predicted(resolve(replace(scenario, **{key: value}), model), quantity, on_host)
        except InputError:
            continue
        if predicted is not None and abs(predicted - printed) <= max(rounding, NEAR * printed / 5):
            return f"{key} {value} would explain it"
    memory = breakdown(resolve(scenario, model))
    name = {"weights": "weights", "compute": "activations", "output": "activations"}.get(quantity, "kv_cache")
    if quantity in ("graphs", "non_torch"):
        name = "overhead"
    part = memory[name]
    return f"no single setting explains it; the prediction is {part.evidence.value}" + (
        f": {part.note}" if part.note else ""
    )


def _alternatives(scenario: Scenario, quantity: str) -> Iterator[tuple[str, Any]]:
    """Settings that a log often does not name, one at a time."""
    facts = engines()[scenario.engine].facts
    if quantity == "weights":
        yield from (("weights", name) for name in weight_schemes() if name != scenario.weights)
        yield from (("parts", name) for name in ("text", "all") if name != scenario.parts)
    yield from (("logits", name) for name in facts.logits)
    yield from (("attention", name) for name in facts.attention)
    yield from (("kv_cache", name) for name in ("fp8", "q8_0", "q4_0", "bf16", "fp16"))
    for key, values in (
        ("step_tokens", (512, 1024, 2048, 4096, 8192, 16384)),
        ("batch_size", (1, 2, 4, 8)),
        ("max_num_seqs", (64, 128, 256, 512, 1024)),
        ("tensor_parallel", (1, 2, 4, 8)),
        ("kv_unified", (True, False)),
        ("swa_full", (True, False)),
        ("gpu_memory_utilization", (0.8, 0.85, 0.9, 0.92, 0.95)),
        ("mem_fraction_static", (0.7, 0.8, 0.85, 0.88, 0.9)),
    ):
        yield from ((key, value) for value in values if value != getattr(scenario, key))


def _preset(name: str) -> str:
    """The preset of a model's name in a log, by its last part; empty where there is none."""
    wanted = name.strip("'\"/ ").rpartition("/")[2].lower().replace(" ", "-").replace("meta-", "").removesuffix("-hf")
    for preset in model_presets().values():
        if wanted in (preset.id, preset.hub.rpartition("/")[2].lower()):
            return preset.id
    return ""
