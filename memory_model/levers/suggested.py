"""Which changes to look at first: what makes it fit, else what saves most without another engine or model."""

from __future__ import annotations

from functools import lru_cache

from .change import Asked, Change, Price, memory
from .cheapest import three_cheapest
from .registry import changes_for

LEAST = 100
"""A change that saves less than one part in so many is not suggested, nor a dearer one that saves so little more."""
MOST = 4
"""Changes that are suggested at once."""


@lru_cache(maxsize=64)
def suggested(asked: Asked) -> tuple[Change, ...]:
    """The cheapest remedy where something does not fit; else the largest saving of each slot, the largest first.

    Raises InputError where what is asked cannot run.
    """
    remedies = three_cheapest(asked, 1)
    if remedies:
        return remedies[0].changes
    total = int(memory(asked).bytes)
    best: dict[str, tuple[int, Change]] = {}
    for change in changes_for(asked):
        if change.price > Price.WEIGHTS_4_BIT:
            continue
        saved = total - int(memory(change.apply(asked)).bytes)
        if (saved - best.get(change.slot, (0, change))[0]) * LEAST >= total:
            best[change.slot] = (saved, change)
    return tuple(change for _, change in sorted(best.values(), key=lambda found: -found[0])[:MOST])
