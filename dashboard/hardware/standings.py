"""How every device stands against one scenario: how many are needed, what is left over, how far it reaches, how fast.

Only the room differs between devices: what the engine lets itself use less what driver and engine take. What the model
needs is computed once for each number of devices, and all devices are looked up in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from memory_model import Scenario
from memory_model.deployment import Deployment, Device
from memory_model.estimate import breakdown
from memory_model.presets import devices
from memory_model.scenario import MOST_SEQUENCES, MOST_TOKENS
from memory_model.speed import price, time_bound
from memory_model.step_work import decode_step

from ..live.reach import (
    Amounts,
    largest_batches,
    largest_within,
    longest_contexts,
    totals_at,
    with_the_length_before,
)
from ..own_models import deployed
from .plans import can_be_several, divided, dividing_key, on, plans


@dataclass(frozen=True, slots=True)
class Standing:
    """One device, as many of it as are needed; bytes are those of one of them."""

    device: Device
    refusal: str
    """Why the engine does not run on it; then the numbers are 0."""
    count: int
    """The fewest that hold the scenario together, in a way that the engine can divide it; 0 if none tried do."""
    alone: int
    """Bytes that one device would have to hold alone."""
    limit_alone: int
    """What the engine lets itself use of one device alone."""
    limit: int
    """What it lets itself use of each of `count` devices."""
    total: int
    """Bytes on each of `count` devices, or on one where no number holds it."""
    longest_context: int | None
    """At the scenario's batch size; None where it was not looked for, and `reach_of` answers."""
    largest_batch: int | None
    """At the scenario's context length; None likewise."""
    seconds_per_token: float | None
    """At least, for one step of all sequences; None where it does not fit or the device's figures are not known."""

    @property
    def headroom(self) -> int:
        """Bytes left over on each, negative where it does not fit."""
        return self.limit - self.total

    @property
    def fits(self) -> bool:
        """Whether some number of them holds the scenario."""
        return self.count > 0


@dataclass(frozen=True, slots=True)
class _Choice:
    """A deployment on a device: on as many as hold it, or on the first number where none does."""

    deployment: Deployment
    device: Device
    alone: int
    limit_alone: int
    total: int
    limit: int

    @property
    def fits(self) -> bool:
        return self.total <= self.limit


def standings(scenario: Scenario, own: Device | None = None) -> tuple[Standing, ...]:
    """The own device and every preset, in the order of the files. Raises InputError.

    The scenario's own device and number of devices do not count, only the rest of it.
    """
    return _standings(_bare(scenario), own)


def _bare(scenario: Scenario) -> Scenario:
    """The scenario without a device, on one."""
    return replace(scenario, device="none", tensor_parallel=1, pipeline_parallel=1)


@lru_cache(maxsize=64)
def _standings(scenario: Scenario, own: Device | None) -> tuple[Standing, ...]:
    ways = plans(scenario)
    every = (*([own] if own else ()), *devices().values())
    engine = ways[0].engine.facts
    refused = {device.id: reason for device in every if (reason := engine.refusal(device))}
    rests: dict[object, int] = {}
    choices: dict[object, list[_Choice]] = {}
    for device in every:
        if device.id not in refused:
            choice = _fewest(ways, device, scenario, rests)
            choices.setdefault(_kind(choice.deployment), []).append(choice)
    found = {one.device.id: one for group in choices.values() for one in _stand(group)}
    for device in every:
        if device.id in refused:
            usable = device.usable_bytes
            nothing = Standing(device, refused[device.id], 0, 0, usable, usable, 0, None, None, None)
            found[device.id] = nothing
    return tuple(found[device.id] for device in every)


def _kind(deployment: Deployment) -> object:
    """What bytes beside driver and engine depend on: the same for all devices with the same options.

    The shares of the device that an engine takes limit it, and change nothing that it holds.
    """
    device, by_kernels = deployment.device, deployment.engine.facts.weights_by_kernels
    same = replace(deployment.options, mem_fraction_static=None, gpu_memory_utilization=None)
    return (same, device.kernels if device and by_kernels else "")


def _rest(deployment: Deployment, rests: dict[object, int]) -> int:
    """Bytes beside driver and engine at the scenario's own point."""
    kind = _kind(deployment)
    if kind not in rests:
        rests[kind] = int(breakdown(deployment).bytes) - _overhead(deployment)
    return rests[kind]


def _overhead(deployment: Deployment) -> int:
    return int(deployment.engine.overhead(deployment).bytes)


def _fewest(ways: Sequence[Deployment], device: Device, scenario: Scenario, rests: dict[object, int]) -> _Choice:
    """The first plan that fits, else the first one. Plans whose share of the weights alone is too large are skipped."""
    one = on(ways[0], device, scenario)
    alone = _rest(one, rests) + _overhead(one)
    limit_alone = one.engine.memory_limit(one)
    first = _Choice(one, device, alone, limit_alone, alone, limit_alone)
    if first.fits or not can_be_several(one, device):
        return first
    weights = int(one.engine.weights(one).bytes)
    for plan in ways[1:]:
        deployment = on(plan, device, scenario)
        limit = deployment.engine.memory_limit(deployment)
        if weights > limit * deployment.options.devices:
            continue
        total = _rest(deployment, rests) + _overhead(deployment)
        choice = _Choice(deployment, device, alone, limit_alone, total, limit)
        if choice.fits:
            return choice
    return first


def reach_of(scenario: Scenario, standing: Standing) -> tuple[int, int]:
    """The longest context and the largest batch on as many of a device as are needed. Raises InputError."""
    if standing.longest_context is not None and standing.largest_batch is not None:
        return standing.longest_context, standing.largest_batch
    bare = _bare(scenario)
    return _reach_of(divided(bare, dividing_key(deployed(bare)), standing.count), standing.device)


@lru_cache(maxsize=256)
def _reach_of(scenario: Scenario, device: Device) -> tuple[int, int]:
    deployment = on(deployed(scenario), device, scenario)
    longest = longest_contexts(deployment, [scenario.batch_size])
    return int(longest[0]), int(largest_batches(deployment, [scenario.context_length])[0])


def _looks_far(deployment: Deployment) -> bool:
    """Whether the reach is looked for at once: not for layers on several devices, whose graph is replayed for each."""
    return deployment.options.pipeline_parallel == 1 or dividing_key(deployment) != "pipeline_parallel"


def _stand(choices: Sequence[_Choice]) -> list[Standing]:
    """Devices of one kind: how far they reach, all looked for at once, and how fast each is at most."""
    one = choices[0].deployment
    reach = _reach(choices) if _looks_far(one) else [(None, None)] * len(choices)
    work = decode_step(one) if any(choice.fits for choice in choices) else None
    found = []
    for choice, (longest, most) in zip(choices, reach, strict=True):
        deployment = choice.deployment
        bound = time_bound(deployment, work) if work is not None and choice.fits else None
        found.append(
            Standing(
                choice.device,
                "",
                deployment.options.devices if choice.fits else 0,
                choice.alone,
                choice.limit_alone,
                choice.limit,
                choice.total,
                longest,
                most,
                float(bound.seconds) if bound else None,
            )
        )
    return found


def _reach(choices: Sequence[_Choice]) -> list[tuple[int, int]]:
    one = choices[0].deployment
    context, batch = float(one.workload.context_length), float(one.workload.batch_size)
    rooms = np.array([choice.limit - _overhead(choice.deployment) for choice in choices], np.float64)
    beside = _overhead(one)

    def of_lengths(tokens: Amounts, some: object) -> Amounts:
        def at(lengths: Amounts) -> Amounts:
            return totals_at(one, lengths, np.full(lengths.shape, batch))

        return with_the_length_before(at, tokens) - beside

    def of_batches(sizes: Amounts, some: object) -> Amounts:
        return totals_at(one, np.full(sizes.shape, context), sizes) - beside

    longest = largest_within(of_lengths, len(choices), MOST_TOKENS, rooms)
    most = largest_within(of_batches, len(choices), MOST_SEQUENCES, rooms)
    return [(int(tokens), int(sequences)) for tokens, sequences in zip(longest, most, strict=True)]


def per_million_tokens(standing: Standing, batch_size: int, price_per_hour: float) -> float | None:
    """The least price of a million generated tokens, prompts not counted; None without a bound on the speed."""
    if standing.seconds_per_token is None:
        return None
    return price(standing.seconds_per_token, price_per_hour, standing.count) / batch_size * 1e6
