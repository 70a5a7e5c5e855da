"""The cheapest changes that make it fit: one, two or three at once, tried from the price that hurts least.

The price of several changes is that of the dearest; `Price` states the order, which is an assumption.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, islice
from threading import Lock

from ..amount import MemoryBreakdown
from ..deployment import Deployment
from ..errors import InputError
from ..estimate import PHASES, amounts, amounts_within, in_phase
from ..scenario import MOST_SEQUENCES, MOST_TOKENS
from .change import Asked, Change, Price, deployed
from .registry import candidates

MOST_AT_ONCE = 3
MOST_PLACES = 4
NEARLY = 20
"""As tokens and sequences rise, bytes fall by less than one part in so many, if they fall (tests/test_laws.py)."""
GROUND = ("engine", "model")
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
    def costs(self) -> tuple[str, ...]:
        """What is given up, in words, the dearest first, of precision the most; `nothing` alone where nothing is."""
        prices = sorted({change.price for change in self.changes}, reverse=True)
        words = {price.words.split()[-1]: price.words for price in reversed(prices) if price or len(prices) == 1}
        return tuple(reversed(words.values()))

    @property
    def slots(self) -> set[str]:
        """What the changes set."""
        return {change.slot for change in self.changes}

    @property
    def headroom(self) -> int:
        """Bytes left over on each device."""
        return self.limit - int(self.memory.bytes)


def three_cheapest(asked: Asked, limit: int = 3) -> tuple[Remedy, ...]:
    """The cheapest remedies, the cheapest first; empty without a device or when it fits already.

    One of each price; none that sets all that a cheaper one sets, and more. What someone would have to train is left out:
    it cannot be run today. Raises InputError where what is asked cannot run.
    """
    start = deployed(asked)
    if start.device is None or int(amounts(start).bytes) <= start.engine.memory_limit(start):
        return ()
    return _found(asked).first(limit)


class _Found:
    """Remedies as far as somebody asked for them: the search goes on where it was left."""

    def __init__(self, asked: Asked) -> None:
        self.known: list[Remedy] = []
        self.more = _remedies(asked)
        self.lock = Lock()

    def first(self, limit: int) -> tuple[Remedy, ...]:
        """So many remedies, or all there are."""
        with self.lock:
            self.known += islice(self.more, max(0, limit - len(self.known)))
        return tuple(self.known[:limit])


_found = lru_cache(maxsize=64)(_Found)


def _remedies(asked: Asked) -> Iterator[Remedy]:
    found: list[Remedy] = []
    search = _Search(asked)
    for dearest in Price:
        for together in search.sets(dearest):
            if any(remedy.slots <= {change.slot for change in together} for remedy in found):
                continue
            remedy = search.tried(together)
            if remedy is not None and not search.has_idle(remedy):
                found.append(remedy)
                yield remedy
                break


class _Search:
    """Sets of changes that run together, and what is asked after each."""

    def __init__(self, asked: Asked) -> None:
        most = replace(asked.scenario, context_length=MOST_TOKENS, batch_size=MOST_SEQUENCES)
        self.grounds = _grounds(replace(asked, scenario=most))
        self.after: dict[Together, Asked] = {(): asked}
        self.left: dict[Together, tuple[Deployment, int] | None] = {}
        self.fitting: dict[Together, MemoryBreakdown | None] = {}
        self.place = (asked.scenario.context_length, asked.scenario.batch_size)
        self.too_large = _too_large(replace(asked, scenario=replace(asked.scenario, context_length=1, batch_size=1)))

    def sets(self, dearest: Price) -> Iterator[Together]:
        """Sets of different slots, the dearest among them: the smaller first, then the one of the least sum."""
        by_count: list[list[Together]] = [[] for _ in range(MOST_AT_ONCE + 1)]
        for engine, changes in self.grounds:
            if any(change.price > dearest for change in engine):
                continue
            within = [change for change in changes if change.price <= dearest]
            if not self._may_fit(engine, within):
                continue
            for count in range(MOST_AT_ONCE - len(engine) + 1):
                for more in combinations(within, count):
                    together = (*engine, *more)
                    if not any(change.price == dearest for change in together):
                        continue
                    if len({change.slot for change in together}) == len(together):
                        by_count[len(together)].append(together)
        for sets in by_count:
            yield from sorted(sets, key=lambda together: sum(change.price for change in together))

    def _may_fit(self, engine: Together, within: list[Change]) -> bool:
        """Whether weights and cache fit once the strongest change of every slot is made."""
        strongest: dict[str, tuple[int, Change]] = {}
        for change in within:
            headroom = self.headroom((*engine, change))
            if headroom is not None and headroom > strongest.get(change.slot, (headroom - 1, change))[0]:
                strongest[change.slot] = (headroom, change)
        every = sorted((change for _, change in strongest.values()), key=_order)
        headroom = self.headroom((*engine, *every))
        return headroom is None or headroom >= 0

    def headroom(self, together: Together) -> int | None:
        """What weights and cache alone leave of the limit: far fewer questions than the busiest moment asks.

        None for what cannot be made or run.
        """
        if together not in self.left:
            deployment = self.deployment(together)
            self.left[together] = None if deployment is None else (deployment, _beside_activations(deployment))
        found = self.left[together]
        return None if found is None else found[1]

    def deployment(self, together: Together) -> Deployment | None:
        """What is deployed once changes were made, in the order given; None for what cannot be made or run."""
        try:
            if together not in self.after:
                if together[:-1] not in self.after and self.deployment(together[:-1]) is None:
                    return None
                self.after[together] = together[-1].apply(self.after[together[:-1]])
            return deployed(self.after[together])
        except InputError:
            return None

    def tried(self, together: Together) -> Remedy | None:
        """The remedy, if the changes can be made and make it fit."""
        ordered = tuple(sorted(together, key=_order))
        if self._was_too_large(ordered):
            return None
        headroom = self.headroom(ordered)
        found = self.left[ordered]
        if found is None or headroom is None:
            return None
        if headroom < 0:
            self._remember_too_large(ordered)
            return None
        limit = int(found[0].engine.memory_limit(found[0]))
        if ordered not in self.fitting:
            memory = amounts_within(found[0], limit + limit // NEARLY)
            if memory is None and found[0].options.gpu_layers != 0:  # without layers the GPU has only copies
                self._remember_too_large(ordered)
            self.fitting[ordered] = memory if memory is not None and memory.bytes <= limit else None
        memory = self.fitting[ordered]
        return None if memory is None else Remedy(ordered, self.after[ordered], memory, limit)

    def _was_too_large(self, together: Together) -> bool:
        """Whether it was far too large, or weights and cache alone were, at fewer tokens and sequences."""
        context, batch = self.place
        return any(tokens <= context and sequences <= batch for tokens, sequences in self.too_large.get(together, ()))

    def _remember_too_large(self, together: Together) -> None:
        context, batch = self.place
        smaller = [place for place in self.too_large.get(together, ()) if place[0] < context or place[1] < batch]
        self.too_large[together] = (self.place, *smaller)[:MOST_PLACES]

    def has_idle(self, remedy: Remedy) -> bool:
        """Whether it fits without one of the changes, too."""
        every = remedy.changes
        return any(self.tried(every[:place] + every[place + 1 :]) for place in range(len(every)) if len(every) > 1)


def _order(change: Change) -> tuple[int, int]:
    ground = GROUND.index(change.slot) if change.slot in GROUND else len(GROUND)
    return ground, change.price


@lru_cache(maxsize=64)
def _too_large(asked: Asked) -> dict[Together, tuple[tuple[int, int], ...]]:
    """For each set of changes the tokens and sequences at which it was far too large, whoever asked.

    Filled by searches from one configuration, which is asked about at one place of the sliders after the other.
    """
    return {}


@lru_cache(maxsize=64)
def _grounds(asked: Asked) -> tuple[tuple[Together, Together], ...]:
    """Every engine that can take over, and none, each with the changes that run there and change something."""
    every = [change for change in candidates(asked) if change.price is not Price.TRAINING]
    found = []
    for engine in ((), *((change,) for change in every if change.slot == "engine")):
        try:
            ground = engine[0].apply(asked) if engine else asked
            before = deployed(ground)
        except InputError:
            continue
        helps = []
        for change in every:
            try:
                if change.slot != "engine" and deployed(change.apply(ground)) != before:
                    helps.append(change)
            except InputError:
                continue
        found.append((engine, tuple(helps)))
    return tuple(found)


def _beside_activations(deployment: Deployment) -> int:
    phase = deployment.workload.phase
    one = in_phase(deployment, PHASES[-1] if phase == "peak" else phase)
    return int(one.engine.memory_limit(one)) - int(one.engine.kept_bytes(one))
