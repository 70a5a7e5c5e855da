"""A lever: one change to what is asked, and what it costs beside memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from typing import Any

from ..amount import MemoryBreakdown
from ..deployment import Deployment
from ..engines.llama_cpp.on_the_cpu import where_it_lies
from ..errors import InputError
from ..estimate import amounts
from ..model_shape import ModelShape
from ..prefix_sharing import kept_once
from ..presets import load_model
from ..resolve import resolve
from ..scenario import Scenario


@dataclass(frozen=True, slots=True)
class Asked:
    """A scenario, and the model that stands in for the scenario's own: one that was brought, or a what-if."""

    scenario: Scenario
    model: ModelShape | None = None
    shared_prefix: int = 0
    """Tokens that all sequences begin with alike, kept once where the engine can."""


class Price(IntEnum):
    """What a change costs beside memory; a lower number is cheaper.

    The order is an assumption of this program, not a measurement: what leaves every answer as it is comes first, then
    what changes answers least, then what costs time or money, then what gives other answers.
    """

    NOTHING = 0
    CACHE_8_BIT = 1
    WEIGHTS_8_BIT = 2
    CACHE_4_BIT = 3
    WEIGHTS_4_BIT = 4
    OTHER_ENGINE = 5
    TIME = 6
    MORE_DEVICES = 7
    OTHER_MODEL = 8
    WEIGHTS_BELOW_4_BIT = 9
    ALL_ANEW = 10
    LESS_WORK = 11
    TRAINING = 12

    @property
    def words(self) -> str:
        """What is given up, for a reader."""
        return PRICES[self]


PRICES = {
    Price.NOTHING: "nothing",
    Price.CACHE_8_BIT: "a little precision",
    Price.WEIGHTS_8_BIT: "a little precision",
    Price.CACHE_4_BIT: "some precision",
    Price.WEIGHTS_4_BIT: "some precision",
    Price.OTHER_ENGINE: "another program to run",
    Price.TIME: "time",
    Price.MORE_DEVICES: "more hardware",
    Price.OTHER_MODEL: "the larger model's answers",
    Price.WEIGHTS_BELOW_4_BIT: "much precision",
    Price.ALL_ANEW: "far more time, since every token reads the whole text again",
    Price.LESS_WORK: "part of what was asked for",
    Price.TRAINING: "a training run",
}

KINDS = (
    "quantisation", "cache", "distillation", "architecture", "engine", "parallelism", "workload",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One lever, compared by identity. `apply` raises InputError where it does not suit what is asked; `resolve` refuses the rest."""

    id: str
    """Stable, for links, such as `weights-awq-int4`."""
    label: str
    """Short, for bars."""
    words: str
    """A plain sentence."""
    kind: str
    """One of KINDS."""
    price: Price
    slot: str
    """What it sets: of two changes with one slot the later one counts, so only one is tried at a time."""
    apply: Callable[[Asked], Asked]


def setting(**values: Any) -> Callable[[Asked], Asked]:
    """A change that sets keys of the scenario."""
    return lambda asked: replace(asked, scenario=replace(asked.scenario, **values))


def model_of(asked: Asked) -> ModelShape:
    """The model that is asked about. Raises InputError for a name that is no preset."""
    return asked.model or load_model(asked.scenario.model)


def deployed(asked: Asked) -> Deployment:
    """The deployment that is asked about, where its bytes lie. Raises InputError for what the engine cannot run."""
    return where_it_lies(resolve(asked.scenario, model_of(asked)))


def after(asked: Asked, *changes: Change) -> Asked:
    """What is asked once the changes were made in turn. Raises InputError where one does not suit."""
    for change in changes:
        asked = change.apply(asked)
    deployed(asked)
    return asked


@lru_cache(maxsize=64)
def memory(asked: Asked) -> MemoryBreakdown:
    """The bytes of what is asked, as `estimate.amounts` gives them. Raises InputError.

    Remembered, since rows of changes that begin alike are compared.
    """
    deployment = deployed(asked)
    found = amounts(deployment)
    return kept_once(deployment, found, asked.shared_prefix) if asked.shared_prefix else found


def limit(asked: Asked) -> int | None:
    """Bytes that the engine lets itself use of one device; None without a device. Raises InputError."""
    deployment = deployed(asked)
    return None if deployment.device is None else int(deployment.engine.memory_limit(deployment))


def refuse(change: str, reason: str) -> InputError:
    """An error for a change that does not suit what is asked."""
    return InputError(f"{change}: {reason}")
