"""The texts of stories: those in `presets/stories`, and those that visitors bring."""

from __future__ import annotations

from functools import lru_cache

from memory_model.files.places import PRESETS

from .brought import Brought

LARGEST = 64 * 2**10
"""Characters of a story; a step takes about 300."""
_texts: Brought[str] = Brought("story-")


@lru_cache(maxsize=1)
def ready_texts() -> dict[str, str]:
    """The stories of the repository by name, in the order of their files."""
    return {
        path.stem.partition("-")[2]: path.read_text(encoding="utf-8")
        for path in sorted((PRESETS / "stories").glob("*.yaml"))
    }


def keep(text: str) -> str:
    """Remember a story that somebody brought or recorded, and return the name that stands for it."""
    return _texts.keep(text, text.encode())


def text_of(name: str) -> str | None:
    """The text of a story, or None where this server does not know it."""
    return _texts.get(name) or ready_texts().get(name)


def names() -> list[str]:
    """Every story that can be opened here."""
    return [*ready_texts(), *_texts.names()]
