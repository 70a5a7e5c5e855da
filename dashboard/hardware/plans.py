"""The ways in which an engine can spread a model over devices of one kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from memory_model import InputError, Scenario
from memory_model.deployment import Deployment, Device

from ..own_models import deployed

MOST_TOGETHER = {"tensor_parallel": 64, "pipeline_parallel": 16}
"""Devices of one kind that are tried together, by the key that divides the model; ggml has room for 16."""


def plans(scenario: Scenario) -> tuple[Deployment, ...]:
    """The scenario on one device, on two and so on, as far as the engine can divide the model; without a device.

    vLLM divides matrices in valid sizes, llama.cpp divides layers, transformers nothing.
    """
    first = deployed(scenario)
    way = dividing_key(first)
    found = [first]
    for count in range(2, MOST_TOGETHER.get(way, 1) + 1):
        try:
            found.append(deployed(divided(scenario, way, count)))
        except InputError:
            continue
    return tuple(found)


def divided(scenario: Scenario, way: str, count: int) -> Scenario:
    """The scenario on several devices by the key that divides the model; as it is where the key is empty."""
    numbers: dict[str, Any] = {way: count} if way else {}
    return replace(scenario, **numbers)


def can_be_several(deployment: Deployment, device: Device) -> bool:
    """Whether one process can use several of a device: layers are divided inside one computer only."""
    return dividing_key(deployment) != "pipeline_parallel" or device.kind != "unified"


def dividing_key(deployment: Deployment) -> str:
    """The key by which the engine spreads a model over devices: by matrices, by layers, or empty for not at all."""
    own = deployment.engine.own_options
    return next((key for key in MOST_TOGETHER if key in own), "")


def on(plan: Deployment, device: Device, scenario: Scenario) -> Deployment:
    """A deployment on a device, which need not be a preset, with the engine's defaults for that device."""
    numbers = {key: getattr(plan.options, key) for key in MOST_TOGETHER}
    options = plan.engine.options(replace(scenario, **numbers), device)
    settled: Deployment = plan.engine.settled(replace(plan, device=device, options=options))
    return settled
