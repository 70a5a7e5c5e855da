"""What visitors bring, kept by this server in memory under a hash of its content, never under a path."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Generic, TypeVar

KEPT = 128
"""Things of one kind that are remembered at most; the one that was not used for longest is forgotten first."""
T = TypeVar("T")


class Brought(Generic[T]):
    """Things of one kind by their names; sessions read and write it at the same time."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, thing: T, content: bytes) -> str:
        """Remember what was read from `content`, and return the name that stands for it."""
        name = self.prefix + hashlib.sha256(content).hexdigest()[:12]
        with self._lock:
            self._kept[name] = thing
            self._kept.move_to_end(name)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return name

    def get(self, name: str) -> T | None:
        """What stands under a name; None where this server does not know it, or not any more."""
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def names(self) -> list[str]:
        """Every name that is known, the one that was used last at the end."""
        with self._lock:
            return list(self._kept)
