"""What becomes of what is asked after sets of changes, remembered by place of the sliders and by configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations

from ..amount import MemoryBreakdown
from ..deployment import Deployment
from ..errors import InputError
from ..estimate import PHASES, amounts_within, in_phase
from ..presets import devices
from ..scenario import MOST_TOKENS, Scenario
from .change import Asked, Change, Price, deployed
from .registry import candidates
from .remedy import Remedy, Together

MOST_AT_ONCE = 3
MOST_PLACES = 4
SEVERAL = 2
"""Sequences at which it is looked for what changes something: fewer than any engine refuses."""
NEARLY = 20
"""As tokens and sequences rise, bytes fall by less than one part in so many, if they fall (tests/test_laws.py)."""
GROUND = ("engine", "model")
"""What is changed before the rest: another engine or model sets the ground for formats and options."""
WORKLOAD = ("context_length", "batch_size", "shared_prefix")
"""What asks for less; whether such a change can be made depends on where the sliders stand."""


class _Place:
    """One place of the sliders: what is deployed there after each set of changes, in the order given."""

    def __init__(self, asked: Asked) -> None:
        self.tokens, self.sequences = asked.scenario.context_length, asked.scenario.batch_size
        self.after: dict[Together, Asked | None] = {(): asked}
        self.found: dict[Together, tuple[Deployment, int] | None] = {}

    def deployed(self, together: Together) -> tuple[Deployment, int] | None:
        """What runs after the changes, and what weights and cache alone leave of its limit; None for what cannot run.

        These are far fewer questions than the busiest moment asks.
        """
        if together not in self.found:
            asked = self.asked(together)
            try:
                deployment = None if asked is None else deployed(asked)
            except InputError:
                deployment = None
            self.found[together] = None if deployment is None else (deployment, _beside_activations(deployment))
        return self.found[together]

    def headroom(self, together: Together) -> int | None:
        """What weights and cache alone leave of the limit; None for what cannot run."""
        found = self.deployed(together)
        return None if found is None else found[1]

    def asked(self, together: Together) -> Asked | None:
        """What is asked after the changes; None where one of them cannot be made."""
        if together not in self.after:
            before = self.asked(together[:-1])
            try:
                self.after[together] = None if before is None else together[-1].apply(before)
            except InputError:
                self.after[together] = None
        return self.after[together]


class _Known:
    """What was found out about sets of changes to one configuration, wherever its sliders stood, and whoever asked."""

    def __init__(self, configuration: Asked) -> None:
        scenario = configuration.scenario
        self.alone = _Place(configuration)
        self.grounds = _grounds(
            replace(configuration, scenario=replace(scenario, context_length=MOST_TOKENS, batch_size=SEVERAL))
        )
        self.refused: set[Together] = set()
        """What cannot run, at no place of the sliders."""
        self._too_large: dict[Together, tuple[tuple[int, int], ...]] = {}
        """Tokens and sequences at which it was far too large, or weights and cache alone were."""

    def too_large(self, together: Together, place: _Place) -> bool:
        """Whether it was far too large at fewer tokens and sequences."""
        known = self._too_large.get(together, ())
        return any(tokens <= place.tokens and sequences <= place.sequences for tokens, sequences in known)

    def remember_too_large(self, together: Together, place: _Place) -> None:
        """So that it is not asked about at more tokens and sequences."""
        known = self._too_large.get(together, ())
        smaller = [at for at in known if at[0] < place.tokens or at[1] < place.sequences]
        self._too_large[together] = ((place.tokens, place.sequences), *smaller)[:MOST_PLACES]


_known = lru_cache(maxsize=64)(_Known)
_round_place = lru_cache(maxsize=64)(_Place)


class Search:
    """Sets of changes that run together, and which of them fit."""

    def __init__(self, asked: Asked) -> None:
        scenario = asked.scenario
        self.known = _known(replace(asked, scenario=replace(scenario, context_length=1, batch_size=1)))
        self.here = _Place(asked)
        self.below = _round_place(replace(asked, scenario=_rounded_down(scenario)))
        self.nearly = devices()[scenario.device].usable_bytes // NEARLY
        self.fitting: dict[Together, MemoryBreakdown | None] = {}

    def sets(self, dearest: Price) -> Iterator[Together]:
        """Sets of different slots, the dearest among them: the smaller first, then the one of the least sum."""
        by_count: list[list[Together]] = [[] for _ in range(MOST_AT_ONCE + 1)]
        for engine, changes in self.known.grounds:
            within = [change for change in changes if change.price <= dearest]  # the cheapest first
            dear_engine = any(change.price == dearest for change in engine)
            if any(change.price > dearest for change in engine) or not (dear_engine or _are_dear(within, dearest)):
                continue
            if not self._may_fit(engine, within):
                continue
            for count in range(MOST_AT_ONCE - len(engine) + 1):
                for more in combinations(within, count):
                    if (dear_engine or _are_dear(more, dearest)) and len({change.slot for change in more}) == count:
                        by_count[len(engine) + count].append((*engine, *more))
        for sets in by_count:
            yield from sorted(sets, key=lambda together: sum(change.price for change in together))

    def _may_fit(self, engine: Together, within: list[Change]) -> bool:
        """Whether weights and cache fit once the strongest change of every slot is made."""
        strongest: dict[str, tuple[int, Change]] = {}
        for change in within:
            headroom = self.below.headroom((*engine, change))
            if headroom is None:  # such as half the sequences where there is one
                headroom = self.here.headroom((*engine, change))
            if headroom is not None and headroom > strongest.get(change.slot, (headroom - 1, change))[0]:
                strongest[change.slot] = (headroom, change)
        every = sorted((change for _, change in strongest.values()), key=_order)
        headroom = self.here.headroom((*engine, *every))
        return headroom is None or headroom >= 0

    def _looked_at(self, ordered: Together) -> tuple[Deployment, int] | None:
        """What runs after the changes, and what weights and cache alone leave of its limit; None for what is known to fail."""
        if ordered in self.known.refused or self.known.too_large(ordered, self.here):
            return None
        below = self.below.headroom(ordered)
        if below is not None and below < -self.nearly:
            self.known.remember_too_large(ordered, self.below)
            return None
        found = self.here.deployed(ordered)
        by_workload = any(change.slot in WORKLOAD for change in ordered)
        if found is None and not by_workload and self.known.alone.deployed(ordered) is None:
            self.known.refused.add(ordered)
        return found

    def tried(self, together: Together) -> Remedy | None:
        """The remedy, if the changes can be made and make it fit."""
        ordered = tuple(sorted(together, key=_order))
        found = self._looked_at(ordered)
        if found is None:
            return None
        deployment, headroom = found
        limit = int(deployment.engine.memory_limit(deployment))
        if ordered not in self.fitting:
            memory = amounts_within(deployment, limit + limit // NEARLY) if headroom >= 0 else None
            only_copies = headroom >= 0 and deployment.options.gpu_layers == 0  # on the GPU, whose bytes may fall
            if memory is None and not only_copies:
                self.known.remember_too_large(ordered, self.here)
            self.fitting[ordered] = memory if memory is not None and memory.bytes <= limit else None
        memory = self.fitting[ordered]
        asked = self.here.asked(ordered)
        return None if memory is None or asked is None else Remedy(ordered, asked, memory, limit)

    def has_idle(self, together: Together) -> bool:
        """Whether it fits without one of the changes, too."""
        return any(self.tried(fewer) is not None for fewer in _one_left_out(together))

    def is_more_than_fits(self, together: Together) -> bool:
        """Whether that is known without the busiest moment after all of them: some of the changes alone were found to fit."""
        found = self._looked_at(tuple(sorted(together, key=_order)))
        known = [set(fewer) for fewer, memory in self.fitting.items() if memory is not None]
        return (found is not None and found[1] >= 0) and any(
            self.tried(fewer) is not None
            for fewer in _one_left_out(together)
            if any(fits.issubset(fewer) for fits in known)
        )


def _one_left_out(together: Together) -> list[Together]:
    """All but one of several changes, first without the dearest."""
    every = tuple(sorted(together, key=_order))
    return [every[:place] + every[place + 1 :] for place in reversed(range(len(every))) if len(every) > 1]


def _are_dear(changes: Sequence[Change], dearest: Price) -> bool:
    """Whether the last of these changes, the cheapest of which come first, is of this price."""
    return bool(changes) and changes[-1].price == dearest


def _order(change: Change) -> tuple[int, int]:
    ground = GROUND.index(change.slot) if change.slot in GROUND else len(GROUND)
    return ground, change.price


def _rounded_down(scenario: Scenario) -> Scenario:
    """At powers of four of tokens and sequences: a place that many others share, at which no more is needed."""
    tokens, sequences = (4 ** ((n.bit_length() - 1) // 2) for n in (scenario.context_length, scenario.batch_size))
    return replace(scenario, context_length=tokens, batch_size=sequences)


def _grounds(asked: Asked) -> tuple[tuple[Together, Together], ...]:
    """Every engine that can take over, and none, each with the changes that run there and change something.

    Nobody takes up an engine that divides no layer for the sake of several devices.
    """
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
                after = change.apply(ground) if change.slot != "engine" else ground
                if deployed(after) != before and (not engine or after.scenario.pipeline_parallel == 1):
                    helps.append(change)
            except InputError:
                continue
        found.append((engine, tuple(helps)))
    return tuple(found)


def _beside_activations(deployment: Deployment) -> int:
    phase = deployment.workload.phase
    one = in_phase(deployment, PHASES[-1] if phase == "peak" else phase)
    return int(one.engine.memory_limit(one)) - int(one.engine.kept_bytes(one))
