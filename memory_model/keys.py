"""What the keys of a question may hold: checked in Python, read from the texts of a command line, a file or a link."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from .errors import InputError, unknown


@dataclass(frozen=True, slots=True)
class Key:
    """What a key may hold, and what it means; a name where nothing else is said."""

    help: str
    choices: tuple[str, ...] = ()
    least: int = 1
    most: int = 0
    """The largest whole number; 0 for what is none."""
    is_share: bool = False
    """More than 0 and at most 1."""
    is_flag: bool = False
    is_list: bool = False
    """Several names, in texts with commas between them."""
    of_engine: bool = False
    """Set on the engine itself; each engine names those that it has, and refuses the others."""


def keyed(default: Any, help_: str, **more: Any) -> Any:
    """A field of a question that says what it may hold; `default` is what it holds unless something is said."""
    more.setdefault("is_flag", type(default) is bool)
    return field(default=default, metadata={"key": Key(help_, **more)})


def keys_of(question: type) -> dict[str, Key]:
    """The keys of a question by name."""
    return {one.name: one.metadata["key"] for one in fields(question)}


def check(name: str, key: Key, value: Any) -> None:
    """Raise InputError for a value that the key may not hold."""
    if key.most:
        if type(value) is not int:
            raise InputError(f"{name}: expected a whole number, got {value!r:.60}")
        if not key.least <= value <= key.most:
            raise InputError(f"{name}: {str(value)[:40]} is outside {key.least} to {key.most:,}")
    elif key.is_share:
        if type(value) not in (int, float) or not 0 < value <= 1:
            raise InputError(f"{name}: expected a share such as 0.9, more than 0 and at most 1, got {value!r:.60}")
    elif key.is_flag:
        if type(value) is not bool:
            raise InputError(f"{name}: expected true or false, got {value!r:.60}")
    elif key.is_list:
        if type(value) is not tuple or not value or not all(isinstance(part, str) and part for part in value):
            raise InputError(f"{name}: expected names with commas between them, got {value!r:.60}")
    elif not isinstance(value, str) or not value:
        raise InputError(f"{name}: expected a name, got {value!r:.60}")
    elif key.choices and value not in key.choices:
        raise InputError(f"{name}: {unknown('value', value, key.choices)}")


def read(name: str, key: Key, value: Any) -> Any:
    """A value from plain data: texts such as `128k`, `true` and `q_proj,v_proj` are understood. Raises InputError."""
    if key.is_list and isinstance(value, list):
        return tuple(value)
    if not isinstance(value, str):
        return value
    if key.most:
        return whole_number_of(name, value)
    if key.is_share:
        try:
            return float(value)
        except ValueError:
            raise InputError(f"{name}: expected a share such as 0.9, got {value!r:.60}") from None
    if key.is_flag and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return tuple(part.strip() for part in value.split(",")) if key.is_list else value


def check_keys(keys: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    """Raise InputError for what is no mapping, for a key that is not known, and where no model is named."""
    if not isinstance(keys, Mapping):
        raise InputError(f"a {what} is a mapping of keys, got {type(keys).__name__}")
    for key in keys:
        if key not in known:
            raise unknown(f"{what} key", key, known)
    if "model" not in keys:
        raise InputError("model: missing; name a preset, or a path to a config.json")


def whole_number(text: str) -> int:
    """A whole number from `131072`, `131,072`, `131_072`, `128k` or `1M` (binary: 1,024 and 1,048,576).

    Raises InputError otherwise.
    """
    match = re.fullmatch(r"\s*(\d[\d,_]*|\d+\.\d+)\s*([kKmM]?)\s*", text)
    if not match or len(text) > 24:
        raise InputError(f"expected a whole number such as 8192, 131,072 or 128k, got {text!r:.60}")
    digits, suffix = match.groups()
    scale = {"": 1, "k": 2**10, "m": 2**20}[suffix.lower()]
    amount = float(digits) * scale if "." in digits else int(re.sub(r"[,_]", "", digits)) * scale
    if amount != int(amount):
        raise InputError(f"expected a whole number, got {text!r:.60}")
    return int(amount)


def whole_number_of(key: str, text: str) -> int:
    """The whole number of a text, whose key stands in the error."""
    try:
        return whole_number(text)
    except InputError as error:
        raise InputError(f"{key}: {error}") from None
