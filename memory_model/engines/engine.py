"""What every engine answers."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from ..amount import Component, Factor, Number
from ..deployment import Deployment, Device, EngineOptions
from ..errors import InputError
from ..kv_cache import kv_cache
from ..model_shape import ModelShape
from ..precision import half, published_scheme
from ..scenario import DEFAULTS, ENGINE_OPTIONS, Scenario
from ..tensors import CacheEntry
from ..units import larger
from ..weights import weights
from .facts import EngineFacts
from .versions import not_known


@dataclass(frozen=True, slots=True)
class Pool:
    """The memory that an engine reserves for its KV cache at start-up, whatever the workload needs of it."""

    bytes: int
    tokens: int
    """Tokens of sequences as long as the workload's that it holds; 0 where not even one such sequence fits."""
    max_concurrency: float
    """Sequences of the workload's length that it holds at once."""
    printed_tokens: int
    """Tokens as the engine's own log counts them, which for some versions and models is not what the pool holds."""


class Engine(ABC):
    """How one engine turns a deployment into bytes."""

    own_options: tuple[str, ...] = ()
    """The keys of `scenario.ENGINE_OPTIONS` that this engine has."""
    phases: tuple[str, ...] = ("peak", "prefill", "decode")
    """The phases that this engine tells apart."""
    lists_slowly = False
    """Whether a point takes longer than a grid of one, since all that is alive is found and listed."""

    def __init__(self, *versions: EngineFacts) -> None:
        self.versions = versions
        self.facts = versions[0]

    def of_version(self, asked: str | None) -> Engine:
        """The engine at a version, the first for None. Raises InputError for a version that is not known."""
        if asked is None:
            return self
        for facts in self.versions:
            if facts.is_version(asked):
                found = copy.copy(self)
                found.facts = facts
                return found
        raise not_known(self.facts.label, self.version_names, asked)

    @property
    def version_names(self) -> list[str]:
        """All versions by their short names, first the one that stands unless another is asked for."""
        return [facts.short_version for facts in self.versions]

    def check(self, scenario: Scenario) -> None:
        """Raise InputError for what the engine cannot do: here, for options that it does not have."""
        if scenario.phase not in self.phases:
            raise InputError(f"phase: {self.facts.label} has no {scenario.phase}; known: {', '.join(self.phases)}")
        for key in ENGINE_OPTIONS:
            value = getattr(scenario, key)
            if key not in self.own_options and value != DEFAULTS[key]:
                raise InputError(f"{key}: {self.facts.label} has no such option; leave it out")

    def attention(self, asked: str | None, model: ModelShape) -> str:
        """The implementation of attention that runs: the one asked for, else the engine's default."""
        return self._one_of(asked, self.facts.attention, "attention")

    def logits(self, asked: str | None) -> str:
        """Which logits are computed: those asked for, else the engine's default."""
        return self._one_of(asked, self.facts.logits, "logits")

    def parts(self, asked: str, model: ModelShape) -> str:
        """`all` with the vision and audio towers, `text` without; `text` for a model that has none."""
        return asked if model.towers else "text"

    def published_scheme(self, model: ModelShape) -> str:
        """The weight scheme that `published` means: the one that the checkpoint is stored in."""
        return published_scheme(model)

    def cache_format_of(self, scenario: Scenario, model: ModelShape) -> str:
        """The format of keys and values: the one asked for, else the engine's default."""
        return scenario.kv_cache or self.default_cache_format(model)

    def default_cache_format(self, model: ModelShape) -> str:
        """The format of keys and values unless one is asked for: the model's own 16-bit type."""
        return half(model)

    def options(self, scenario: Scenario, device: Device | None) -> EngineOptions:
        """The engine's own options with its defaults filled in; those asked for, unless it says otherwise."""
        return EngineOptions(**{key: getattr(scenario, key) for key in ENGINE_OPTIONS})

    def settled(self, deployment: Deployment) -> Deployment:
        """With defaults filled in that depend on the model; the same where an engine has none."""
        return deployment

    def check_deployment(self, deployment: Deployment) -> None:
        """Raise InputError for a model in these formats and options that the engine cannot run."""
        return

    def starts(self, deployment: Deployment) -> Any:
        """Whether the engine takes the context and the sequences of a deployment that it can run; over a grid an array."""
        return True

    def _check_cache_types(self, deployment: Deployment, known: tuple[str, ...]) -> None:
        """Raise InputError unless keys and values are in one format, and that is one of those that the engine has."""
        label, key = self.facts.label, deployment.cache_format.key
        if key != deployment.cache_format.value:
            raise InputError(f"kv_cache: {label} keeps keys and values in one format; use {key.name}")
        if key.name not in known:
            raise InputError(f"kv_cache: {key.name} is not an option of {label}; known: {', '.join(known)}")

    def phases_of_peak(self, deployment: Deployment) -> tuple[str, ...]:
        """The phases among which `peak` is the largest."""
        return ("prefill", "decode")

    def _one_of(self, asked: str | None, known: tuple[str, ...], key: str) -> str:
        if asked is None:
            return known[0]
        if asked not in known:
            raise InputError(f"{key}: {asked} is not an option of {self.facts.name}; known: {', '.join(known)}")
        return asked

    @abstractmethod
    def tokens_held(self, entry: CacheEntry, deployment: Deployment) -> Factor:
        """How many token slots one sequence occupies in a growing cache entry, in the workload's phase."""

    def heads_held(self, entry: CacheEntry) -> int:
        """How many heads of a cache entry the engine stores: those that the model has, unless it says otherwise."""
        return entry.heads

    def width_held(self, entry: CacheEntry, deployment: Deployment) -> int:
        """How many values a head of a cache entry keeps alive: those that it needs, unless the engine says otherwise."""
        return entry.width

    def as_it_stays(self, deployment: Deployment) -> Deployment:
        """The same with its weights in the formats that they stay in, where the engine unpacks them; else as it is."""
        return deployment

    def weights(self, deployment: Deployment) -> Component:
        """The learned numbers that the device holds."""
        return weights(deployment)

    def kv_cache(self, deployment: Deployment) -> Component:
        """What the device keeps of the past."""
        return kv_cache(deployment)

    def cache_by_token(self, deployment: Deployment) -> int:
        """The cache as the engine's log divides it by the tokens: all of it, unless it says otherwise."""
        return int(self.kv_cache(deployment).bytes)

    def kept_bytes(self, deployment: Deployment) -> Number:
        """Bytes of weights and cache on the device that holds most of them: what no moment goes below."""
        return self.weights(deployment).bytes + self.kv_cache(deployment).bytes

    @abstractmethod
    def activations(self, deployment: Deployment) -> Component:
        """What is alive on the device at the busiest moment above weights and cache."""

    def activations_within(self, deployment: Deployment, room: Number) -> Component | None:
        """The same at a point where it takes no more than `room` bytes, else None."""
        found = self.activations(deployment)
        return found if found.bytes <= room else None

    @abstractmethod
    def overhead(self, deployment: Deployment) -> Component:
        """What engine and driver take on the device whatever the workload."""

    def overhead_between(self, counted: int, device: Device) -> tuple[int, int] | None:
        """Both ends of an overhead of `counted` bytes that holds one driver context; None where its range is not known."""
        ends, context = self.facts.driver_context_range(device), self.facts.driver_context(device)
        if ends is None or context is None:
            return None
        rest = counted - int(context.bytes)
        return rest + ends[0], rest + ends[1]

    def measured_as(self, component: str, deployment: Deployment) -> str:
        """What the accuracy table calls a component in the mode that the deployment runs in; empty where it has none."""
        return {"weights": "weights of a GPU", "kv_cache": "KV bytes per token", "activations": "activation peak"}.get(
            component, ""
        )

    def host(self, deployment: Deployment) -> tuple[Component, ...]:
        """What the engine keeps in host memory instead, by component; nothing unless it says so."""
        return ()

    def memory_limit(self, deployment: Deployment) -> int:
        """Bytes of the device that the engine lets itself use. Raises InputError for a deployment without a device."""
        if deployment.device is None:
            raise InputError("device: missing; name one to see what fits, such as h100-sxm-80gb")
        return deployment.device.usable_bytes

    def pool_bytes(self, deployment: Deployment) -> int:
        """Bytes of the device that the engine reserves for its cache; 0 for engines that grow with the workload."""
        return 0

    def pool(self, deployment: Deployment) -> Pool | None:
        """The cache that the engine reserves ahead of the workload; None for engines that grow with it."""
        return None

    def reserved(self, deployment: Deployment) -> Number:
        """The part of the pool that the workload leaves empty, elementwise over a grid; 0 without a pool or a device."""
        pool = self.pool_bytes(deployment) if deployment.device else 0
        unused: Number = larger(0, pool - self.kv_cache(deployment).bytes) if pool else 0
        return unused
