"""From the names in a scenario to the values that formulas work on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from .checkpoints.hub import is_hub_name, read_hub
from .deployment import Deployment, Workload
from .errors import InputError, unknown
from .model_shape import ModelShape
from .precision import CacheFormat, WeightScheme, as_published, half, published_scheme
from .presets import (
    CACHE_FORMATS,
    CACHE_SPELLINGS,
    devices,
    engines,
    load_model,
    load_path,
    model_presets,
    number_formats,
    preset_id,
    weight_schemes,
)
from .scenario import Scenario


def resolve(scenario: Scenario, model: ModelShape | None = None) -> Deployment:
    """The deployment that a scenario names. `model` stands in for the scenario's own, already read.

    Raises InputError for a name that is not known or a combination that the engine cannot run.
    """
    engine = engines()[scenario.engine].of_version(scenario.engine_version)
    engine.check(scenario)
    shape = model or read_model(scenario.model)
    device = None
    if scenario.device != "none":
        if scenario.device not in devices():
            raise InputError(f"device: {unknown('device', scenario.device, devices())}")
        device = devices()[scenario.device]
    deployment = Deployment(
        model=shape,
        parts=engine.parts(scenario.parts, shape),
        scheme=weight_scheme(scenario.weights, shape, engine.published_scheme(shape)),
        cache_format=cache_format(engine.cache_format_of(scenario, shape), shape),
        formats=number_formats(),
        engine=engine,
        attention=engine.attention(scenario.attention, shape),
        workload=Workload(scenario.context_length, scenario.batch_size, scenario.phase, engine.logits(scenario.logits)),
        device=device,
        options=engine.options(scenario, device),
    )
    engine.check_deployment(deployment)
    return engine.settled(deployment)


def read_model(name: str) -> ModelShape:
    """A preset by id or Hub name; a `config.json`, a checkpoint folder or a `.gguf` file by its path; else a Hub name.

    Never pass a name that came from a link.
    """
    if preset_id(name) in model_presets():
        return load_model(name)
    path = Path(name)
    try:
        if name.endswith((".json", ".gguf")) or path.is_absolute() or name.startswith(".") or path.exists():
            return load_path(path)
    except InputError:
        raise
    except (OSError, ValueError) as error:  # too long, or letters that no file's name can have
        reason = getattr(error, "strerror", None) or "no file can have this name"
        raise InputError(
            f"model: {name!r:.80} cannot be opened ({reason}); name a preset, or give the path of a config.json"
        ) from None
    return read_hub(name) if is_hub_name(name) else load_model(name)


def weight_scheme(name: str, model: ModelShape, published: str = "") -> WeightScheme:
    """The scheme of a name; for `published` the checkpoint's own, or what the engine makes of it.

    Raises InputError for an unknown name.
    """
    schemes = weight_schemes()
    if name == "published":
        return as_published(model, schemes[published or published_scheme(model)])
    if name not in schemes:
        raise InputError(f"weights: {unknown('weight format', name, ['published', *schemes])}")
    return schemes[name]


def cache_format(name: str | None, model: ModelShape) -> CacheFormat:
    """The formats of keys and values from `q8_0` or `k:v`; the model's own 16-bit type for None."""
    names = (name or half(model)).split(":")
    if len(names) > 2:
        raise InputError(f"kv_cache: {name!r:.60} has more than one colon; write one format, or keys:values")
    found = []
    for part in names:
        part = CACHE_SPELLINGS.get(part, part)
        if part not in CACHE_FORMATS:
            raise InputError(f"kv_cache: {unknown('cache format', part, CACHE_FORMATS)}")
        found.append(number_formats()[part])
    return CacheFormat(found[0], found[-1])


def resolved_keys(scenario: Scenario, deployment: Deployment) -> dict[str, Any]:
    """The scenario with the engine's defaults filled in; `peak` stays as asked."""
    return (
        asdict(scenario)
        | asdict(deployment.options)
        | {
            "engine_version": deployment.engine.facts.version,
            "kv_cache": deployment.cache_format.name,
            "attention": deployment.attention,
            "logits": deployment.workload.logits,
            "parts": deployment.parts,
        }
    )
