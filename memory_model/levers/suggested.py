"""Which changes to look at first: what makes it fit, else what saves most without another engine or model."""

from __future__ import annotations

from functools import lru_cache

from .change import Asked, Change, Price, memory
from .cheapest import three_cheapest
from .registry import changes_for
from .shared_prefix import SLOT
from .waterfall import waterfall

LEAST = 100
"""A change that saves less than one part in so many is not suggested, nor a dearer one that saves so little more."""
MOST = 4
"""Changes that are suggested at once."""


@lru_cache(maxsize=64)
def suggested(asked: Asked) -> tuple[Change, ...]:
    """The cheapest remedy where something does not fit; else the largest saving of each slot, the largest first.

    Each runs on top of those before it and still saves something there.

    Raises InputError where what is asked cannot run.
    """
    remedies = three_cheapest(asked, 1)
    if remedies:
        return remedies[0].changes
    total = int(memory(asked).bytes)
    best: dict[str, tuple[int, Change]] = {}
    for change in changes_for(asked):
        if change.price > Price.WEIGHTS_4_BIT or change.slot == SLOT:
            continue
        saved = total - int(memory(change.apply(asked)).bytes)
        if (saved - best.get(change.slot, (0, change))[0]) * LEAST >= total:
            best[change.slot] = (saved, change)
    return _together(asked, [change for _, change in sorted(best.values(), key=lambda found: -found[0])])


def _together(asked: Asked, changes: list[Change]) -> tuple[Change, ...]:
    """The changes that go together, in their order."""
    steps = waterfall(asked, changes)
    if all(not step.problem and step.bytes < 0 for step in steps[:MOST]):
        return tuple(changes[:MOST])
    idle = next(step.change for step in steps if step.problem or step.bytes >= 0)
    return _together(asked, [change for change in changes if change is not idle])
