"""Preset files become checked values, or an error that says where and what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from .architectures import read_config
from .checkpoints.gguf_files import read_gguf
from .checkpoints.safetensors_files import read_folder
from .checkpoints.stored import with_stored
from .deployment import Device
from .engines import ENGINES, Engine, EngineFacts
from .errors import InputError, unknown
from .files.places import PRESETS
from .files.plain_json import read_json
from .files.preset_files import build, read_mapping
from .files.text_files import read_text
from .gguf.mix import mixes
from .model_shape import ModelShape
from .number_formats import Formats, NumberFormat, Plane
from .precision import WeightScheme
from .units import GIB

ALL = 2**31
"""Stands for `all` in a plane: one entry serves a whole row or column."""


@dataclass(frozen=True, slots=True)
class ModelPreset:
    """The header of a model file: what people choose by, before the model itself is read."""

    id: str
    name: str
    family: str
    hub: str
    source: str
    checked: str
    parameters: dict[str, int]
    config: dict[str, Any]
    published: str = ""
    """The weight scheme of the checkpoint, where its config does not state it."""
    note: str = ""


@lru_cache(maxsize=1)
def model_presets() -> dict[str, ModelPreset]:
    """Every model preset by id, in the order of families and sizes. Raises InputError for a file that is not right."""
    paths = sorted((PRESETS / "models").glob("*.yaml"))
    found = [build(ModelPreset, {"id": path.stem} | read_mapping(path), path.name) for path in paths]
    found.sort(key=lambda preset: (preset.family, sum(preset.parameters.values()), preset.id))
    return {preset.id: preset for preset in found}


@lru_cache(maxsize=512)
def load_model(name: str) -> ModelShape:
    """The shape of a preset, by its id or its Hub name; its layers add up to the stated parameter count.

    Raises InputError for an unknown name or a file that does not add up.
    """
    preset = find_preset(name)
    where = f"{preset.id}.yaml"
    try:
        shape = read_config(preset.config, where).with_stated_parameters(preset.parameters)
    except ValueError as error:
        text = str(error)
        raise InputError(text if text.startswith(where) else f"{where}: {text}") from None
    if preset.published:
        shape = replace(shape, dtype=preset.published, dtype_stated=True)
    return replace(shape, name=preset.name)


def find_preset(name: str) -> ModelPreset:
    """The preset of an id or a full Hub name. Raises InputError with the nearest ids."""
    presets = model_presets()
    if name in presets:
        return presets[name]
    by_hub = {preset.hub.lower(): preset for preset in presets.values()}
    if name.lower() in by_hub:
        return by_hub[name.lower()]
    raise InputError(f"model: {unknown('model', name, presets)}")


def preset_id(name: str) -> str:
    """The id of a preset's Hub name, or the name itself where it is no preset."""
    try:
        return find_preset(name).id
    except InputError:
        return name


LARGEST_CONFIG = 4 * 2**20


def load_path(path: Path) -> ModelShape:
    """The model of a `config.json`, a checkpoint folder or a `.gguf` file; with a checkpoint, its exact tensors.

    Raises InputError for files that are missing, damaged or not understood.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError(f"{path}: is neither a file nor a folder; give a config.json, a folder or a .gguf file")
    if path.suffix == ".gguf":
        return _gguf_at(path, path.stat().st_mtime_ns if path.exists() else 0)
    shape = load_config_file(path)
    entries = read_folder(path) if path.is_dir() else ()
    return with_stored(shape, entries) if entries else shape


@lru_cache(maxsize=16)
def _gguf_at(path: Path, changed: int) -> ModelShape:
    """Headers with a vocabulary take a while; `changed` is part of the key."""
    return read_gguf(path)


def load_config_file(path: Path) -> ModelShape:
    """The shape of the model in a `config.json`, or in the folder that holds one.

    Raises InputError for files that are missing, too large, not JSON, or not understood.
    """
    file = path / "config.json" if path.is_dir() else path
    return parse_config(read_text(file, LARGEST_CONFIG, "give the path of a config.json"), str(file))


def parse_config(text: str, where: str) -> ModelShape:
    """The shape of the model in the text of a `config.json`.

    Raises InputError for what is too long, not JSON or not understood.
    """
    if len(text) > LARGEST_CONFIG:
        raise InputError(f"{where}: larger than {LARGEST_CONFIG // 2**20} MiB; a config.json is a few kilobytes")
    return read_config(read_json(text, where, "give a model's config.json", infinite=True), where)


@lru_cache(maxsize=1)
def number_formats() -> Formats:
    """Every number format by name."""
    path = PRESETS / "number_formats.yaml"
    formats = Formats()
    for name, entry in read_mapping(path).items():
        where = f"{path.name} › {name}"
        planes = tuple(
            build(
                Plane, {key: ALL if value == "all" else value for key, value in plane.items()}, f"{where} › planes[{i}]"
            )
            for i, plane in enumerate(entry["planes"])
        )
        formats[name] = NumberFormat(name, planes, entry.get("source", ""))
    return formats


@lru_cache(maxsize=1)
def weight_schemes() -> dict[str, WeightScheme]:
    """Every weight scheme by name. Raises InputError for one that names an unknown number format or mix."""
    path = PRESETS / "weight_schemes.yaml"
    schemes = {}
    for name, entry in read_mapping(path).items():
        scheme = build(WeightScheme, {"name": name} | entry, f"{path.name} › {name}")
        for used in filter(None, (scheme.matrices, scheme.vectors, scheme.routers)):
            if used not in number_formats():
                raise InputError(f"{path.name} › {name}: {unknown('number format', used, number_formats())}")
        if scheme.gguf_mix and name not in mixes():
            raise InputError(f"{path.name} › {name}: {unknown('mix', name, mixes())}")
        schemes[name] = scheme
    return schemes


CACHE_FORMATS = (
    "fp32", "bf16", "fp16", "fp8", "int8", "int4", "int2", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl",
)  # fmt: skip
CACHE_SPELLINGS = {"f32": "fp32", "f16": "fp16"}


@lru_cache(maxsize=1)
def devices() -> dict[str, Device]:
    """Every device by id, in the order of the files."""
    found = {}
    for path in sorted((PRESETS / "devices").glob("*.yaml")):
        for id_, entry in read_mapping(path).items():
            keys = dict(entry)
            visible = keys.pop("usable_gib")
            keys["usable_bytes"] = round(visible * GIB)
            found[id_] = build(Device, {"id": id_, "vendor": path.stem} | keys, f"{path.name} › {id_}")
    return found


@lru_cache(maxsize=1)
def engines() -> dict[str, Engine]:
    """Every engine by name, with the facts of each version; the first is the one that was measured most."""
    found: dict[str, Engine] = {}
    for name, engine in ENGINES.items():
        path = PRESETS / "engines" / f"{name}.yaml"
        keys = read_mapping(path)
        others = keys.pop("versions", {})
        versions = [keys, *(_other_version(keys, version, other) for version, other in others.items())]
        found[name] = engine(*(build(EngineFacts, version, path.name) for version in versions))
    return found


def _other_version(keys: Mapping[str, Any], version: str, other: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of another version: those of the first, but for what it states itself, with its own sources."""
    for name in other.get("constants", {}):
        if name not in other.get("sources", {}):
            where = f"{keys['name']}.yaml › versions › {version}"
            raise InputError(f"{where} › constants › {name}: no source of its own; add it under sources")
    merged = {**keys, **other, "version": version}
    for key in ("constants", "sources"):
        merged[key] = {**keys.get(key, {}), **other.get(key, {})}
    return merged
