"""What every engine answers, and the facts about it that stand in `presets/engines`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ..amount import Component, Factor
from ..deployment import Deployment, Workload
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

    @abstractmethod
    def tokens_held(self, entry: CacheEntry, workload: Workload) -> Factor:
        """How many token slots one sequence occupies in a growing cache entry, in the workload's phase."""

    @abstractmethod
    def activations(self, deployment: Deployment) -> Component:
        """What is alive at the busiest moment above weights and cache."""

    @abstractmethod
    def overhead(self, deployment: Deployment) -> Component:
        """What engine and driver take whatever the workload."""
