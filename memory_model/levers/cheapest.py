"""The cheapest changes that make it fit: one, two or three at once, tried from the price that hurts least.

The price of several changes is that of the dearest; `Price` states the order, which is an assumption.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from ..amount import MemoryBreakdown
from ..deployment import Deployment
from ..errors import InputError
from ..estimate import PHASES, breakdown, in_phase
from .change import Asked, Change, Price, deployed
from .registry import candidates

MOST_AT_ONCE = 3
FIRST = {"engine": 0, "model": 1}
"""What is changed before the rest: another engine or model sets the ground for formats and options."""
Together = tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Remedy:
    """Changes that together make it fit."""

    changes: Together
    asked: Asked
    memory: MemoryBreakdown
    limit: int
    """Bytes that the engine lets itself use of one device."""

    @property
    def price(self) -> Price:
        """What the dearest of the changes costs beside memory."""
        return max(change.price for change in self.changes)

    @property
    def slots(self) -> set[str]:
        """What the changes set."""
        return {change.slot for change in self.changes}

    @property
    def headroom(self) -> int:
        """Bytes left over on each device."""
        return self.limit - int(self.memory.bytes)


@lru_cache(maxsize=256)
def three_cheapest(asked: Asked, limit: int = 3) -> tuple[Remedy, ...]:
    """The cheapest remedies, the cheapest first; empty without a device or when it fits already.

    One of each price; none that sets all that a cheaper one sets, and more. What someone would have to train is left out:
    it cannot be run today. Raises InputError where what is asked cannot run.
    """
    start = deployed(asked)
    if start.device is None or int(breakdown(start).bytes) <= start.engine.memory_limit(start):
        return ()
    found: list[Remedy] = []
    options = tuple(change for change in candidates(asked) if change.price is not Price.TRAINING)
    for dearest in sorted({change.price for change in options}):
        for together in _sets([change for change in options if change.price <= dearest], dearest):
            slots = {change.slot for change in together}
            if any(slots >= remedy.slots for remedy in found):
                continue
            remedy = _tried(asked, together)
            if remedy is not None:
                found.append(remedy)
                break
        if len(found) == limit:
            break
    return tuple(found)


def _sets(changes: list[Change], dearest: Price) -> Iterator[Together]:
    """Sets of changes of different slots, the dearest among them: the smaller first, then the one of the least sum."""
    for count in range(1, MOST_AT_ONCE + 1):
        sets = [
            together
            for together in combinations(changes, count)
            if together[-1].price == dearest and len({change.slot for change in together}) == count
        ]
        yield from sorted(sets, key=lambda together: sum(change.price for change in together))


def _tried(asked: Asked, together: Together) -> Remedy | None:
    """The remedy, if the changes can be made and make it fit."""
    ordered = tuple(sorted(together, key=lambda change: (FIRST.get(change.slot, 2), change.price)))
    changed = asked
    try:
        for change in ordered:
            changed = change.apply(changed)
        deployment = deployed(changed)
    except InputError:
        return None
    limit = int(deployment.engine.memory_limit(deployment))
    if _at_least(deployment) > limit:
        return None
    memory = breakdown(deployment)
    return Remedy(ordered, changed, memory, limit) if int(memory.bytes) <= limit else None


def _at_least(deployment: Deployment) -> int:
    """Weights and cache alone: far fewer questions than the busiest moment, which is asked only where they fit."""
    phase = deployment.workload.phase
    one = in_phase(deployment, PHASES[-1] if phase == "peak" else phase)
    return int(one.engine.weights(one).bytes) + int(one.engine.kv_cache(one).bytes)
