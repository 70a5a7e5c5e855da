"""A model that does not exist: another one's `config.json` with some keys changed, read anew like any other file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ..architectures import read_config
from ..errors import InputError, unknown
from ..model_shape import ModelShape

LAYER_KEYS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
NOT_DIMENSIONS = ("_token_id", "_token_index", "pretraining_tp", "initial_context_length")
"""Ends of keys whose whole numbers are names or habits of training."""
SECTION = "text_config"
MOST_VALUE = 2**30
"""The largest number that is read into a key."""
Value = int | str | bool | None


def integer_keys(model: ModelShape) -> dict[str, int]:
    """The whole numbers of a model's own config that may be changed, by name; `text_config.` before nested ones."""
    found = dict(_integers(model.config, ""))
    section = model.config.get(SECTION)
    if isinstance(section, Mapping):
        found |= dict(_integers(section, f"{SECTION}."))
    return found


def _integers(keys: Mapping[str, Any], before: str) -> list[tuple[str, int]]:
    return [(before + key, value) for key, value in keys.items() if type(value) is int and _is_dimension(key)]


def _is_dimension(key: str) -> bool:
    return not key.endswith(NOT_DIMENSIONS)


def with_keys(model: ModelShape, values: Mapping[str, int]) -> ModelShape:
    """The model with some of its own whole numbers changed. Raises InputError with the key and what is wrong with it.

    Lists with an entry a layer are cut, or repeated from their start, when the number of layers changes.
    """
    known = integer_keys(model)
    for key, value in values.items():
        if key not in known:
            raise InputError(f"{model.name} › {key}: {unknown('key', key, known)}")
        if type(value) is not int or not 0 <= value <= MOST_VALUE:
            raise InputError(f"{model.name} › {key}: expected a whole number up to {MOST_VALUE:,}, got {value!r:.60}")
    return edited(model, tuple(sorted(values.items())))


@lru_cache(maxsize=256)
def edited(model: ModelShape, values: tuple[tuple[str, Value], ...], without: tuple[str, ...] = ()) -> ModelShape:
    """The model of the config with keys set and keys left out; `text_config.` before nested names. Raises InputError.

    What its own file holds is left behind: a what-if has no file. Its number type stays.
    """
    config = _copy(model.config)
    for key in without:
        section, name = _place(config, key)
        section.pop(name, None)
    for key, value in values:
        section, name = _place(config, key)
        if name in LAYER_KEYS and type(value) is int and type(section.get(name)) is int:
            _fit_lists(section, section[name], value)
        section[name] = value
    shape = read_config(config, f"{model.name}, what if")
    return replace(
        shape,
        dtype=model.dtype,
        dtype_stated=model.dtype_stated,
        quantization=shape.quantization or (None if model.stored else model.quantization),
    )


def _copy(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copy(value) if isinstance(value, Mapping) else value for key, value in keys.items()}


def _place(config: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    section, _, name = key.partition(".")
    nested = config.get(section) if name else None
    return (nested, name) if isinstance(nested, dict) else (config, key)


def _fit_lists(section: dict[str, Any], before: int, now: int) -> None:
    """Lists, and texts of one letter a layer, that have as many entries as there were layers."""
    for key, value in section.items():
        if isinstance(value, (list, tuple, str)) and len(value) == before > 0 and 0 < now <= 10_000:
            repeated = value * (-(-now // before))
            section[key] = repeated[:now]
