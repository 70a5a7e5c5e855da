"""One key of the page's link, and how a text from outside becomes its value: names, numbers, lists and switches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from memory_model import InputError
from memory_model.errors import unknown
from memory_model.keys import whole_number

Value = str | int | float | bool | None
"""What a control holds; None where an engine's own default stands."""
OWN = ""
"""Stands for the model's or the engine's own default in a select box; never written into a link."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One key of the link: the page's default, and how its text is read (raises InputError)."""

    key: str
    default: Value
    read: Callable[[str], Value]


def named(what: str, known: Callable[[], Iterable[str]]) -> Callable[[str], str]:
    """Reads one of the names that `known` gives at the time."""

    def read(text: str) -> str:
        names = list(known())
        if text not in names:
            raise unknown(what, text, names)
        return text

    return read


def whole(most: int, least: int = 1) -> Callable[[str], int]:
    """Reads a whole number such as 8192 or 128k, within bounds."""

    def read(text: str) -> int:
        number = whole_number(text)
        if not least <= number <= most:
            raise InputError(f"{number:,} is outside {least:,} to {most:,}")
        return number

    return read


def decimal(least: float, most: float) -> Callable[[str], float]:
    """Reads a number such as 0.9 or 2.5, within bounds."""

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise InputError(f"expected a number such as 0.9, got {text!r:.60}") from None
        if not least <= number <= most:  # also refuses what is not a number
            raise InputError(f"{text:.40} is outside {least:g} to {most:g}")
        return number

    return read


def listed(read: Callable[[str], str], most: int) -> Callable[[str], str]:
    """Reads several names with commas between them; nothing means the view's own choice."""

    def read_all(text: str) -> str:
        names = [name for name in text.split(",") if name]
        if len(names) > most:
            raise InputError(f"{len(names)} names, at most {most} are shown")
        return ",".join(dict.fromkeys(read(name) for name in names))

    return read_all


def flag(text: str) -> bool:
    """Reads true or false."""
    if text.lower() not in ("true", "false"):
        raise InputError(f"expected true or false, got {text!r:.60}")
    return text.lower() == "true"
