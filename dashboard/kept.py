"""A scenario that is kept to be compared, as one value of a link: `name~key~value~key~value`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from memory_model import InputError

from .parameter import Parameter, Value

MOST = 4
LONGEST = 200
"""Characters of one kept scenario, as many as a link's value may have."""
LONGEST_NAME = 40
BETWEEN = "~"
SLIDERS = ("context_length", "batch_size")
"""Not kept: what is compared moves with the page's own sliders."""


def written(name: str, values: Mapping[str, Value], keys: Sequence[Parameter]) -> str:
    """The name and every value that differs from the page's default. Raises InputError where it is too long."""
    pieces = [named(name)]
    for key in (key for key in keys if key.key not in SLIDERS):
        value = values[key.key]
        if value != key.default and value is not None:
            pieces += [key.key, str(value).lower() if isinstance(value, bool) else str(value)]
    text = BETWEEN.join(pieces)
    if len(text) > LONGEST:
        raise InputError(f"{len(text)} characters are too many for a link; shorten the name or set fewer options")
    return text


def named(name: str) -> str:
    """A name as it can stand in a link: one line, not too long, never empty."""
    return " ".join(name.replace(BETWEEN, "-").split())[:LONGEST_NAME] or "Unnamed"


def read(text: str, keys: Sequence[Parameter]) -> tuple[str, dict[str, Value]]:
    """The name and the values, each through its own key's reader. Raises InputError."""
    name, *pieces = text.split(BETWEEN)
    if len(pieces) % 2:
        raise InputError("a kept scenario is a name and pairs of key and value between ~")
    known = {key.key: key for key in keys if key.key not in SLIDERS}
    values: dict[str, Value] = {key: found.default for key, found in known.items()}
    seen = pieces[::2]
    for key, value in zip(seen, pieces[1::2]):
        if key not in known or seen.count(key) > 1:
            raise InputError(f"{key!r:.40} is no key of a kept scenario, or stands twice")
        values[key] = known[key].read(value)
    return named(name), values


def reader(keys: Sequence[Parameter]) -> Callable[[str], str]:
    """Checks a kept scenario that comes from a link and writes it anew; an empty text keeps none. Raises InputError."""

    def checked(text: str) -> str:
        return written(*read(text, keys), keys) if text else ""

    return checked
