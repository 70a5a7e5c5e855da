"""What was understood of a log, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..engines.versions import is_newer, standing
from ..presets import engines
from .log import EngineLog


def understood_of(log: EngineLog, taken: Mapping[str, object], shown: str) -> Iterator[str]:
    """Who wrote it, the settings taken from it, what stands for its version, and its model where `shown` stands in."""
    by_size = "" if "weights" in log.settings else " (by its size)"
    words = ", ".join(
        f"{key.replace('_', ' ')} {f'{value:,}' if type(value) is int else value}"
        + (by_size if key == "weights" else "")
        for key, value in taken.items()
        if key != "engine"
    )
    version = f" {log.version}" if log.version else ""
    yield f"Read as a log of {log.writer}{version}: {len(log.printed)} figures; taken from it: {words or 'no settings'}."
    known = engines()[log.engine].version_names
    if is_newer(known, log.version):
        stands = standing(known, log.version)
        yield f"Version {log.version} is newer than {stands}, the newest that is known here, whose constants stand for it."
    if "model" not in taken:
        named = f"The log names {log.model}, which is no preset" if log.model else "The log names no model"
        yield f"{named}: compared with {shown}."
