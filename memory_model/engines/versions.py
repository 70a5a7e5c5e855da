"""Versions of an engine by their numbers: which known one stands for another."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import InputError, unknown


def standing(known: Sequence[str], asked: str) -> str:
    """The version whose constants stand for one: the newest that is not newer, else the oldest.

    Empty for what is no number of a version, and where one version only is known.
    """
    by_release = {_release(version): version for version in known}
    if len(known) < 2 or not re.match(r"\d+\.\d", asked):
        return ""
    return by_release[max((one for one in by_release if one <= _release(asked)), default=min(by_release))]


def is_newer(known: Sequence[str], asked: str) -> bool:
    """Whether a version is newer than all known ones of an engine that has several."""
    return bool(standing(known, asked)) and _release(asked) > max(map(_release, known))


def not_known(label: str, known: Sequence[str], asked: str) -> InputError:
    """The error for a version without constants of its own, with the one that stands for it."""
    stands = standing(known, asked)
    if not stands:
        return InputError(f"engine_version: {unknown('version', asked, known)}")
    newest = f"; {stands} is the newest that is known" if is_newer(known, asked) else ""
    return InputError(f"engine_version: no constants of {label} {asked[:20]} are known{newest}; use {stands}")


def _release(version: str) -> tuple[int, ...]:
    """The first two numbers, by which versions are compared."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
