"""From a log to a scenario: the settings that it names, where they can run, and the weight format that its size shows."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

from ..engines.versions import standing
from ..errors import InputError
from ..model_shape import ModelShape
from ..presets import engines, model_presets, weight_schemes
from ..resolve import resolve
from ..scenario import DEFAULTS, ENGINE_OPTIONS, Scenario
from .log import EngineLog

STORED_AS = re.compile(r"-(awq|gptq|fp8|int4|int8|w4a16|w8a8|nvfp4|mxfp4|bnb|4bit|8bit|dynamic|unsloth|gguf)\b.*$")
"""What names of quantised models add to that of the model."""
TUNED_AS = re.compile(r"-(instruct|it|chat|base|hf)$")
"""What names of variants of one shape add to each other."""
FILE_TOLERANCE, SIZE_TOLERANCE = 0.001, 0.005
"""How far a format's size may be off: llama.cpp prints the tensors' own bytes, servers what the allocator took."""


def scenario_of(log: EngineLog, shown: Scenario, model: ModelShape | None = None) -> tuple[Scenario, dict[str, Any]]:
    """The scenario that is shown, with every setting of the log that can run, and these settings.

    `model` stands in for the shown scenario's own, already read. Where the log does not name the weight format, and that
    of the page does not give its figures, the one format that does is taken.
    """
    usual: dict[str, Any] = {key: DEFAULTS[key] for key in (*ENGINE_OPTIONS, "engine_version", "kv_cache")}
    scenario = replace(shown, engine=log.engine, phase="peak", logits=None, attention=None, **usual)
    taken: dict[str, Any] = {}
    wanted = ({"model": name} if (name := preset_named(log.model)) else {}) | dict(log.settings)
    if version := standing(engines()[log.engine].version_names, log.version):
        wanted["engine_version"] = version
    for key, value in wanted.items():
        try:
            tried = replace(scenario, **{key: value})
            resolve(tried, model if tried.model == shown.model else None)
        except InputError:
            continue
        scenario, taken[key] = tried, value
    if "weights" not in taken and (found := _format_by_size(log, scenario, model if "model" not in taken else None)):
        scenario, taken["weights"] = replace(scenario, weights=found), found
    return scenario, taken


def preset_named(name: str) -> str:
    """The preset of a model's name in a log, by its last part; empty where there is none."""
    wanted = name.strip("'\"/ ").rpartition("/")[2].lower().replace(" ", "-").replace("meta-", "").removesuffix("-hf")
    ids = {preset.hub.rpartition("/")[2].lower(): preset.id for preset in model_presets().values()}
    ids |= {preset.id: preset.id for preset in model_presets().values()}
    plain = STORED_AS.sub("", wanted)
    for asked in (wanted, plain, TUNED_AS.sub("", plain)):
        if asked in ids:
            return ids[asked]
    return ""


def _format_by_size(log: EngineLog, scenario: Scenario, model: ModelShape | None) -> str | None:
    """The one weight format that gives what the log prints of weights; None where the page's does, or several do."""
    found = [figure for figure in log.printed if figure.quantity == "weights"]
    on_host = all(figure.on_host for figure in found)
    figures = found if on_host else [figure for figure in found if not figure.on_host]
    if not figures:
        return None
    if not figures[0].place:
        figures = [min(reversed(figures), key=lambda figure: figure.half_digit)]
    printed, rounding = sum(figure.value for figure in figures), sum(figure.half_digit for figure in figures)
    in_files = log.engine == "llama.cpp"

    def difference(name: str) -> float:
        try:
            stages = 1 if in_files else scenario.pipeline_parallel
            deployment = resolve(replace(scenario, weights=name, pipeline_parallel=stages), model)
        except InputError:
            return math.inf
        parts = deployment.engine.host(deployment) if on_host else (deployment.engine.weights(deployment),)
        size = next((int(part.bytes) for part in parts if part.name == "weights"), 0)
        return abs(size - printed)

    tolerance = max(rounding, (FILE_TOLERANCE if in_files else SIZE_TOLERANCE) * printed)
    if difference(scenario.weights) <= tolerance:
        return None
    names = [name for name, scheme in weight_schemes().items() if scheme.gguf_mix == in_files and not scheme.from_file]
    differences = {name: difference(name) for name in names}
    equal = [name for name, off in differences.items() if off <= rounding]
    near = [name for name, off in differences.items() if off <= tolerance]
    return equal[0] if equal else near[0] if len(near) == 1 else None
