"""The cheapest changes that make it fit: one, two or three at once, tried from the price that hurts least.

The price of several changes is that of the dearest; `Price` states the order, which is an assumption.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from threading import Lock

from ..estimate import amounts
from .change import Asked, Price, deployed
from .remedy import Remedy
from .search import Search


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
    search = Search(asked)
    for dearest in Price:
        for together in search.sets(dearest):
            if any(remedy.slots <= {change.slot for change in together} for remedy in found):
                continue
            remedy = None if search.is_more_than_fits(together) else search.tried(together)
            if remedy is not None and not search.has_idle(together):
                found.append(remedy)
                yield remedy
                break
