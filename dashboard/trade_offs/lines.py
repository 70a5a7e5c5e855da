"""What one picture compares: the same scenario on several devices, in several formats, or on several engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from memory_model import InputError, Scenario
from memory_model.levers.formats import offered_caches, offered_weights
from memory_model.precision import WeightScheme
from memory_model.presets import devices, engines, weight_schemes
from memory_model.scenario import DEFAULTS, OWN_OF_ENGINE

from ..format_names import cache_name, weights_name
from ..own_models import deployed
from ..refusals import in_words

VARIES = {"devices": "Devices", "formats": "Formats", "engines": "Engines"}
"""What can differ between the lines of a picture, by its name in the link."""
MOST = 7
"""Lines in one picture."""
USUAL_DEVICES = ("rtx-4090", "l40s", "h100-sxm-80gb", "h200-sxm", "mi300x")
USUAL_AT_HOME = ("rtx-3060-12gb", "rtx-4090", "m4-max-64gb", "dgx-spark", "m3-ultra-512gb")
PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is compared: its name in the link, its label, and the scenario that it stands for."""

    name: str
    label: str
    scenario: Scenario
    is_chosen: bool


def options(scenario: Scenario, varies: str) -> dict[str, str]:
    """Every value that can be picked, with its label, the scenario's own among them."""
    if varies == "devices":
        return {id_: device.name for id_, device in devices().items()}
    if varies == "engines":
        return {name: engine.facts.label for name, engine in engines().items()}
    weights = dict.fromkeys((scenario.weights, PUBLISHED, *offered_weights(scenario.engine)))
    caches = dict.fromkeys((scenario.kv_cache or "", "", *offered_caches(scenario.engine)))
    names = [joined(weight, cache) for weight in weights for cache in caches]
    return {name: format_label(scenario, name) for name in names}


def usual(scenario: Scenario, varies: str) -> tuple[str, ...]:
    """What is compared unless somebody picks: well-known devices, smaller formats beside the cache's own, every engine."""
    if varies == "devices":
        return USUAL_AT_HOME if scenario.engine == "llama.cpp" else USUAL_DEVICES
    if varies == "engines":
        return tuple(engines())
    weights = (PUBLISHED, *offered_weights(scenario.engine)[1:])
    caches = dict.fromkeys((scenario.kv_cache or "", *offered_caches(scenario.engine)[-1:]))
    own, *smaller = caches
    return (*(joined(weight, own) for weight in weights), *(joined(weights[-1], cache) for cache in smaller))


def beside(scenario: Scenario, varies: str, names: Sequence[str]) -> list[str]:
    """Those of `names` that are drawn beside the scenario's own line, as many as one picture has room for."""
    own = own_name(scenario, varies)
    return [name for name in dict.fromkeys(names) if name != own][: MOST - 1]


def own_name(scenario: Scenario, varies: str) -> str:
    """The value that the scenario itself has; empty where it has none."""
    if varies == "devices":
        return "" if scenario.device == "none" else scenario.device
    return scenario.engine if varies == "engines" else joined(scenario.weights, scenario.kv_cache or "")


def lines(scenario: Scenario, varies: str, names: Sequence[str]) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """The scenario's own line, then those of `names`, and a sentence for each that the engine cannot run.

    Formats that come to the same, as published weights that are bf16 anyway, are one line.
    """
    own = own_name(scenario, varies)
    wanted = [*([own] if own else []), *beside(scenario, varies, names)]
    found: list[Line] = []
    refused = []
    labels = options(scenario, varies)
    for name in wanted:
        label = labels.get(name) or (format_label(scenario, name) if varies == "formats" else name)
        try:
            line = Line(name, label, of_name(scenario, varies, name), name == own)
            deployed(line.scenario)
        except InputError as error:
            refused.append(f"{label} is not drawn ({in_words(error)}).")
            continue
        if line.label not in (other.label for other in found):
            found.append(line)
    return tuple(found), tuple(refused)


def of_name(scenario: Scenario, varies: str, name: str) -> Scenario:
    """The scenario with one value in place of its own. Raises InputError for a value that no scenario can have."""
    if name == own_name(scenario, varies):
        return scenario
    if varies == "devices":
        return replace(scenario, device=name)
    if varies == "formats":
        weights, _, cache = name.partition("+")
        return replace(scenario, weights=weights, kv_cache=cache or None)
    defaults = {key: DEFAULTS[key] for key in OWN_OF_ENGINE}
    return replace(scenario, engine=name, **defaults)


def joined(weights: str, cache: str) -> str:
    """A weight format and a cache format as one name, such as `fp8+q8_0`; without a cache format the engine's own."""
    return f"{weights}+{cache}" if cache else weights


def format_label(scenario: Scenario, name: str) -> str:
    """`AWQ int4 weights + Q8_0 cache`; the weights as published by the name of what the engine makes of them."""
    weights, _, cache = name.partition("+")
    if weights == PUBLISHED:
        weights = _published(scenario).name
    words = f"{weights_name(weights)} weights"
    return f"{words} + {cache_name(cache)} cache" if cache else words


def _published(scenario: Scenario) -> WeightScheme:
    engine = engines()[scenario.engine]
    try:
        return deployed(replace(scenario, weights=PUBLISHED)).scheme
    except InputError:
        return weight_schemes()[engine.published_scheme(deployed(scenario).model)]
