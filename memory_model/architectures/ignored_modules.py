"""The lists of modules that a quantised checkpoint leaves as they were."""

from __future__ import annotations

from typing import Any

from ..module_names import too_many, unsafe
from .config import Config

MOST_MODULES = 100_000


def ignored(section: Config, *keys: str) -> tuple[tuple[str, ...], bool]:
    """The modules that stay unquantised, and whether the file names any."""
    for key in keys:
        value: Any = section.raw(key)
        if value is None:
            continue
        if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
            raise section.error(key, "expected a list of module names", "check the file against its source")
        if len(value) > MOST_MODULES:
            raise section.error(key, f"{len(value):,} modules", "check the file against its source")
        for name in value:
            if unsafe(name):
                raise section.error(key, f"{name!r:.60} is not understood", "name the modules plainly")
        if too_many(value):
            raise section.error(key, "its expressions would take too long", "name the modules plainly")
        return tuple(value), bool(value)
    return (), False
