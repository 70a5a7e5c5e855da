"""What would make a scenario fit: each change is tried through the memory model, and named only if it helps."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from memory_model import InputError, Scenario
from memory_model.estimate import breakdown
from memory_model.fit import fit_deployment
from memory_model.presets import devices

from .own_models import deployed
from .wording import amount, count

CACHE_FORMATS = {"transformers": ("fp8",), "vllm": ("fp8",), "llama.cpp": ("q8_0", "q4_0")}
WEIGHT_FORMATS = {
    "transformers": ("fp8", "awq-int4"),
    "vllm": ("fp8", "awq-int4"),
    "llama.cpp": ("q8_0", "q4_k_m", "iq2_xxs"),
}
"""Formats that each engine really loads, from the largest to the smallest."""


@lru_cache(maxsize=256)
def what_would_fit(scenario: Scenario, unit: str, most: int = 4) -> tuple[str, ...]:
    """Sentences, each a change that makes it fit; empty without a device or when it fits already. Raises InputError."""
    deployment = deployed(scenario)
    if deployment.device is None or fits(scenario):
        return ()
    standing = fit_deployment(deployment)
    found = []
    if standing.max_context_length >= 1:
        found.append(f"at most {count(standing.max_context_length, 'token')}")
    if standing.max_batch_size >= 1:
        found.append(f"at most {count(standing.max_batch_size, 'sequence')} at once")
    found += _of_formats(scenario)
    if standing.max_context_length < 1:
        found += _of_formats_and_length(scenario)
    if len(found) < most:
        found += [*_of_several(scenario), *_of_devices(scenario, unit)]
    return tuple(found[:most])


def _of_formats(scenario: Scenario) -> list[str]:
    """The first cache format, the first weight format, else the first pair of both that fits."""
    cache_formats, weight_formats = CACHE_FORMATS[scenario.engine], WEIGHT_FORMATS[scenario.engine]
    caches = [(f"{name} KV cache", replace(scenario, kv_cache=name)) for name in cache_formats]
    weights = [(f"{name} weights", replace(scenario, weights=name)) for name in weight_formats]
    pairs = [
        (f"{weight} weights with {cache} KV cache", replace(scenario, weights=weight, kv_cache=cache))
        for weight in weight_formats
        for cache in cache_formats
    ]
    found = [words for options in (caches, weights) if (words := _first(options))]
    return found or [words for words in [_first(pairs)] if words]


def _of_formats_and_length(scenario: Scenario) -> list[str]:
    """The smallest weight format with which a shorter context fits."""
    for name in reversed(WEIGHT_FORMATS[scenario.engine]):
        try:
            longest = fit_deployment(deployed(replace(scenario, weights=name))).max_context_length
        except InputError:
            continue
        if 1 <= longest < scenario.context_length:
            return [f"{name} weights with at most {count(longest, 'token')}"]
    return []


def _of_several(scenario: Scenario) -> list[str]:
    """The fewest GPUs of this kind that hold it together, as vLLM divides it."""
    plain = Scenario(
        scenario.model,
        scenario.weights,
        engine="vllm",
        context_length=scenario.context_length,
        batch_size=scenario.batch_size,
        device=scenario.device,
    )
    options = [
        (f"{gpus} × {devices()[scenario.device].name} with vLLM", replace(plain, tensor_parallel=gpus))
        for gpus in (2, 4, 8)
        if gpus > scenario.tensor_parallel and devices()[scenario.device].vendor in ("NVIDIA", "AMD")
    ]
    return [words for words in [_first(options)] if words]


def _first(options: list[tuple[str, Scenario]]) -> str:
    return next((words for words, scenario in options if fits(scenario)), "")


def _of_devices(scenario: Scenario, unit: str) -> list[str]:
    """The smallest device of the same vendor that holds the scenario as it is."""
    vendor = devices()[scenario.device].vendor
    for device in sorted(devices().values(), key=lambda device: device.usable_bytes):
        if device.vendor == vendor and fits(replace(scenario, device=device.id)):
            return [f"one {device.name} ({amount(device.usable_bytes, unit)})"]
    return []


def fits(scenario: Scenario) -> bool:
    """Whether the scenario fits its device; False for what the engine cannot run."""
    try:
        deployment = deployed(scenario)
    except InputError:
        return False
    return deployment.device is not None and int(breakdown(deployment).bytes) <= deployment.engine.memory_limit(
        deployment
    )
