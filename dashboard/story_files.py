"""The texts of stories: those in `presets/stories`, and those that visitors bring, kept under a hash of the text."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from functools import lru_cache

from memory_model.places import PRESETS

OWN_STORY = "story-"
KEPT = 128
LARGEST = 64 * 2**10
"""Characters of a story; a step takes about 300."""
_texts: OrderedDict[str, str] = OrderedDict()
_lock = threading.Lock()


@lru_cache(maxsize=1)
def ready_texts() -> dict[str, str]:
    """The stories of the repository by name, in the order of their files."""
    return {
        path.stem.partition("-")[2]: path.read_text(encoding="utf-8")
        for path in sorted((PRESETS / "stories").glob("*.yaml"))
    }


def keep(text: str) -> str:
    """Remember a story that somebody brought or recorded, and return the name that stands for it."""
    name = OWN_STORY + hashlib.sha256(text.encode()).hexdigest()[:12]
    with _lock:
        _texts[name] = text
        _texts.move_to_end(name)
        while len(_texts) > KEPT:
            _texts.popitem(last=False)
    return name


def text_of(name: str) -> str | None:
    """The text of a story, or None where this server does not know it."""
    with _lock:
        return _texts.get(name) or ready_texts().get(name)


def names() -> list[str]:
    """Every story that can be opened here."""
    with _lock:
        return [*ready_texts(), *_texts]
