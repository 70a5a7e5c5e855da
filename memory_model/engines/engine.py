"""What every engine answers, and the facts about it that stand in `presets/engines`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ..amount import Component, Factor
from ..deployment import Deployment, Workload
from ..errors import InputError
from ..model_shape import ModelShape
from ..scenario import Scenario
from ..tensors import CacheEntry


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """One version of an engine, with its constants and where they come from."""

    name: str
    label: str
    version: str
    attention: tuple[str, ...]
    """Implementations of attention; the first is the default."""
    logits: tuple[str, ...]
    """Which logits can be asked for; the first is the default."""
    source: str
    cuda_context_bytes: int = 0
    cuda_context_source: str = ""
    workspace_bytes: dict[str, int] | None = None
    """cuBLAS workspace by GPU generation; `other` for those not named."""
    workspace_source: str = ""


class Engine(ABC):
    """How one engine turns a deployment into bytes."""

    def __init__(self, facts: EngineFacts) -> None:
        self.facts = facts

    @abstractmethod
    def check(self, scenario: Scenario) -> None:
        """Raise InputError for what the engine cannot do."""

    def attention(self, asked: str | None, model: ModelShape) -> str:
        """The implementation of attention that runs: the one asked for, else the engine's default."""
        return self._one_of(asked, self.facts.attention, "attention")

    def logits(self, asked: str | None) -> str:
        """Which logits are computed: those asked for, else the engine's default."""
        return self._one_of(asked, self.facts.logits, "logits")

    def _one_of(self, asked: str | None, known: tuple[str, ...], key: str) -> str:
        if asked is None:
            return known[0]
        if asked not in known:
            raise InputError(f"{key}: {asked} is not an option of {self.facts.name}; known: {', '.join(known)}")
        return asked

    @abstractmethod
    def tokens_held(self, entry: CacheEntry, workload: Workload) -> Factor:
        """How many token slots one sequence occupies in a growing cache entry, in the workload's phase."""

    @abstractmethod
    def activations(self, deployment: Deployment) -> Component:
        """What is alive at the busiest moment above weights and cache."""

    @abstractmethod
    def overhead(self, deployment: Deployment) -> Component:
        """What engine and driver take whatever the workload."""
