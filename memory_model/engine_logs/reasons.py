"""Why a printed figure is not the predicted one: a setting found by trying, an older build, or what the log leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

from ..deployment import Deployment
from ..errors import InputError
from ..estimate import breakdown
from ..model_shape import ModelShape
from ..presets import engines, weight_schemes
from ..resolve import resolve
from ..scenario import Scenario
from .log import EngineLog, Printed
from .predicted import COMPONENTS, part_of, predicted_for

CLOSE = 0.001
"""A share of the printed figure within which another setting explains it where print rounding is finer."""

INFERRED = {"vllm": ("weights", "max_num_seqs", "step_tokens")}
"""Settings of a log that are tried again: a file may not be what its name says, and V0's defaults may have been changed."""

POOL = ("kv_cache", "kv_tokens", "concurrency")
"""What servers print of the pool that they reserve."""


def reason_for(
    log: EngineLog,
    scenario: Scenario,
    model: ModelShape | None,
    figures: list[Printed],
    printed: float,
    rounding: float,
) -> str:
    """The one setting that would explain the figure, else an older build, else what is missing, else how sure it is."""
    quantity, on_host = figures[0].quantity, figures[0].on_host
    for key, value in _alternatives(scenario, quantity):
        if key in log.settings and key not in INFERRED.get(log.engine, ("weights",)):
            continue
        try:
            predicted = predicted_for(resolve(replace(scenario, **{key: value}), model), quantity, on_host)
        except InputError:
            continue
        if predicted is not None and abs(predicted - printed) <= max(rounding, CLOSE * printed):
            return f"{key} {value} would explain it"
    if log.engine == "llama.cpp":
        if found := _of_build(log, scenario, model, quantity, on_host, printed, rounding):
            return found
        if found := _left_out(log, quantity):
            return found
    if log.engine != "llama.cpp" and quantity in POOL:
        return "no single setting explains it; the pool is what all else leaves of the share, and off by as much"
    memory = breakdown(resolve(scenario, model))
    name = "overhead" if quantity in ("graphs", "non_torch") else COMPONENTS.get(quantity, "kv_cache")
    part = memory[name]
    return f"no single setting explains it; the prediction is {part.evidence.value}" + (
        f": {part.note}" if part.note else ""
    )


def _of_build(
    log: EngineLog, scenario: Scenario, model: ModelShape | None, quantity: str, on_host: bool, printed: float, rounding: float
) -> str:  # fmt: skip
    """What builds of llama.cpp before the one that is modelled reserved otherwise, where that gives the figure."""
    if log.writer == "ik_llama.cpp" and quantity == "compute":
        return "ik_llama.cpp is a fork with kernels and graphs of its own, which are not replayed"
    deployment = resolve(scenario, model)
    predicted = predicted_for(deployment, quantity, on_host)
    if predicted is None:
        return ""
    embeddings = _embedding(deployment) * int(deployment.workload.batch_size)
    if quantity == "output" and abs(predicted + embeddings - printed) <= rounding:
        return "with the embedding of the last token beside its logits, as Ollama asks for, it is equal"
    if quantity == "weights" and not on_host:
        host = predicted_for(deployment, quantity, True)
        if host and abs(predicted + host - printed) <= printed / 10_000:
            return "a mapped file counts from its first tensor to its last: with the embedding, which lies between, it is equal"
    if quantity != "compute":
        return ""
    changes = list(_older_buffers(deployment, on_host))
    for count in range(1, len(changes) + 1):
        for chosen in combinations(changes, count):
            if abs(predicted + sum(size for size, _ in chosen) - printed) <= rounding:
                return "an older build, with " + " and ".join(words for _, words in chosen) + ": equal"
    if any(figure.place.startswith("RPC[") for figure in log.printed):
        return "over RPC the engine makes no copies of the inputs; with GPUs of one computer, which are compared, it makes four"
    if log.settings.get("logits") == "all" and not on_host:
        return "an older build, which reserves the logits of every token (before llama.cpp#23861, May 2026); its graph is not replayed"
    hosts = [figure for figure in log.printed if figure.quantity == "compute" and figure.on_host]
    if not on_host and hosts:
        size, half = sum(figure.value for figure in hosts), sum(figure.half_digit for figure in hosts)
        if "32 bits" in _of_build(log, scenario, model, quantity, True, size, half):
            return "an older build, as its host buffer shows, with masks in 32 bits; its graph is not replayed"
    return ""


def _embedding(deployment: Deployment) -> int:
    """Bytes of the embedding of one token, in float32."""
    return deployment.model.hidden_size * 4


def _older_buffers(deployment: Deployment, on_host: bool) -> Iterator[tuple[int, str]]:
    """By how many bytes older builds reserved more for a step, and why."""
    activations = next(part for part in part_of(breakdown(deployment), on_host) if part.name == "activations")
    sizes = {term.label: int(term.bytes) for term in activations.busiest.terms}
    if cells := sum(size for label, size in sizes.items() if label.startswith("cell numbers of values")):
        yield -cells, "no cell numbers of values (before set_rows, August 2025)"
    if on_host:
        workload = deployment.workload
        tokens = min(deployment.options.step_tokens or 512, int(workload.context_length) * int(workload.batch_size))
        words = "no input of embeddings beside that of tokens (before llama.cpp#18898, January 2026)"
        yield -tokens * _embedding(deployment), words
        masks = sum(size for label, size in sizes.items() if label.startswith("mask"))
        yield masks if deployment.attention != "plain" else 0, "masks in 32 bits (until mid-2026)"


def _left_out(log: EngineLog, quantity: str) -> str:
    """What the log does not say and the figure depends on."""
    if quantity in ("kv_cache", "compute") and "context_length" not in log.settings:
        return "the log does not name its context (n_ctx); that of the page was compared"
    devices = {figure.device for figure in log.printed if figure.place and not figure.on_host}
    if len(devices) > 1 and quantity in ("weights", "kv_cache"):
        return "the engine divides layers by the free memory of each GPU, which the log does not name; equal parts were compared"
    caches = {figure.on_host for figure in log.printed if figure.quantity == "kv_cache"}
    if len(caches) > 1 and "gpu_layers" not in log.settings:
        return "the log does not say how many layers are offloaded ('offloaded 20/33 layers to GPU')"
    if quantity == "weights" and "weights" not in log.settings:
        return (
            "the log does not name the file's type, and no known one has this size: a mix of its own, or another file"
        )
    return ""


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
