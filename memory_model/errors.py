"""Errors that a person can act on: they name the place, what is wrong there, and the repair."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """Something from outside (a file, an option, a link) that cannot be used; the text says where, what and the repair."""


MOST_NAMED = 40
"""Known names that an error lists."""


def unknown(what: str, name: object, known: Iterable[str]) -> InputError:
    """The error for a name that is not known, with the nearest known ones, then those that hold it."""
    names = sorted(known)
    text = str(name).lower()
    alike = [*get_close_matches(text, names, n=3), *(known for known in names if len(text) > 1 and text in known)]
    close = list(dict.fromkeys(alike))[:3]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(names[:MOST_NAMED])}{more}"
    return InputError(f"unknown {what} {str(name)[:80]!r}; {hint}")
