"""The files of `presets`: a mapping of plain data, and dataclasses made of it, or an error that says where and what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import yaml

from ..errors import InputError, unknown

Entry = TypeVar("Entry")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Builds plain data only; in C where the library has it, since there are many files."""
PLAIN: dict[Any, tuple[type, ...]] = {str: (str,), int: (int,), bool: (bool,), float: (int, float)}
"""What a value must be, by the type of its field; other types but `Literal` are checked where they are used."""


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping that a file holds. Raises InputError for what is no YAML or no mapping."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
    except yaml.YAMLError as error:
        raise InputError(f"{path.name}: not YAML ({str(error).splitlines()[0]}); check the file") from None
    return mapping(data, path.name)


def mapping(data: Any, where: str) -> dict[str, Any]:
    """The same data, which must be a mapping. Raises InputError otherwise."""
    if not isinstance(data, dict):
        raise InputError(f"{where}: expected a mapping, got {type(data).__name__}")
    return data


def build(cls: type[Entry], data: Mapping[str, Any], where: str) -> Entry:
    """A dataclass from plain data. Raises InputError that names a key which is missing, unknown or of another type."""
    types, known = _types(cls), {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    for key, value in data.items():
        if key not in known:
            raise InputError(f"{where}: {unknown('key', key, known)}")
        kind = types[key]
        if get_origin(kind) is Literal and value not in get_args(kind):
            raise InputError(f"{where} › {key}: {unknown('value', value, get_args(kind))}")
        if type(value) not in PLAIN.get(kind, (type(value),)):
            raise InputError(f"{where} › {key}: expected {kind.__name__}, got {value!r:.60}")
    for name, field in known.items():
        if name not in data and field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{where}: missing key {name!r}")
    return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in data.items()})


@cache
def _types(cls: type) -> dict[str, Any]:
    """The types of a dataclass's fields."""
    return get_type_hints(cls)
