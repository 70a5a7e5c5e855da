"""The row of changes that a visitor arranges, as it stands in the link. Knows no Streamlit."""

from __future__ import annotations

from memory_model import InputError
from memory_model.levers import Asked, Change, change_of, suggested

SUGGESTED, NOTHING = "", "none"
"""The page's own choice, and the empty row."""
MOST = 8
MOST_EDITS = 6
"""Keys of a config that are changed at once."""
LONGEST = 190
"""Letters of all names together; a link's values are cut beyond."""


def read_changes(text: str) -> str:
    """The names of changes with commas between them, each once. Raises InputError for what is not known."""
    if text in (SUGGESTED, NOTHING):
        return text
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if len(names) > MOST:
        raise InputError(f"{len(names)} changes, at most {MOST} are shown")
    return ",".join(change_of(name).id for name in names) or NOTHING


def changes_of(text: str, asked: Asked) -> tuple[Change, ...]:
    """The changes of a text that `read_changes` returned."""
    if text == SUGGESTED:
        return suggested(asked)
    return () if text == NOTHING else tuple(change_of(name) for name in text.split(","))


def text_of(changes: tuple[Change, ...]) -> str:
    """The text of a row of changes."""
    return ",".join(change.id for change in changes) or NOTHING


def moved(changes: tuple[Change, ...], place: int, by: int) -> tuple[Change, ...]:
    """The row with one change moved up (-1) or down (1); as it is at the ends."""
    target = place + by
    if not 0 <= target < len(changes):
        return changes
    found = list(changes)
    found[place], found[target] = found[target], found[place]
    return tuple(found)


def without(changes: tuple[Change, ...], place: int) -> tuple[Change, ...]:
    """The row with one change left out."""
    return changes[:place] + changes[place + 1 :]


def has_room(changes: tuple[Change, ...]) -> bool:
    """Whether one more change can stand in the row and in the link."""
    return len(changes) < MOST and len(text_of(changes)) < LONGEST - 40


def read_edit(text: str) -> str:
    """Keys of a config with whole numbers, such as `num_hidden_layers:16`, with commas between. Raises InputError."""
    return edit_text(edit_of(text))


def edit_of(text: str) -> dict[str, int]:
    """The keys and numbers of such a text. Raises InputError."""
    found = {}
    for part in filter(None, text.split(",")):
        key, _, number = part.partition(":")
        if not key.replace("_", "").replace(".", "").isalnum() or not key.isascii():
            raise InputError(f"{part[:60]!r} is no key and number such as num_hidden_layers:16")
        if not (number.isascii() and number.isdecimal() and len(number) <= 12):
            raise InputError(f"{key[:60]}: expected a whole number, got {number[:40]!r}")
        if key in found:
            raise InputError(f"{key[:60]} stands twice")
        found[key] = int(number)
    if len(found) > MOST_EDITS:
        raise InputError(f"{len(found)} keys, at most {MOST_EDITS} are changed")
    return found


def edit_text(values: dict[str, int]) -> str:
    """The text of edited keys."""
    return ",".join(f"{key}:{value}" for key, value in values.items())
