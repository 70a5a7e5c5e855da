"""The page's state in a link: every value that comes from outside is read here, or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from urllib.parse import urlencode

from memory_model import InputError, Scenario, load_model
from memory_model.errors import unknown
from memory_model.model_shape import ModelShape
from memory_model.presets import devices, engines, find_preset, weight_schemes
from memory_model.resolve import cache_format
from memory_model.scenario import CHOICES, WHOLE_NUMBERS, whole_number

from .own_models import is_own, shape
from .wording import UNITS

Value = str | int | bool | None
"""What a control holds; None where an engine's own default stands."""
OWN = ""
"""Stands for the model's or the engine's own default in a select box; never written into a link."""

LONGEST_VALUE = 200
"""Characters of a value in a link that are looked at."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One key of the link: the page's default, and how its text is read (raises InputError)."""

    key: str
    default: Value
    read: Callable[[str], Value]


def _model(text: str) -> str:
    if is_own(text):
        shape(text)
        return text
    return find_preset(text).id


def _named(what: str, known: Callable[[], object]) -> Callable[[str], str]:
    def read(text: str) -> str:
        names = list(known())  # type: ignore[call-overload]
        if text not in names:
            raise unknown(what, text, names)
        return text

    return read


def _cache(text: str) -> str:
    cache_format(text, _any_model())
    return text


def _any_model() -> ModelShape:
    return load_model(str(DEFAULTS["model"]))


def _whole(key: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = whole_number(text)
        if not 1 <= number <= WHOLE_NUMBERS[key]:
            raise InputError(f"{number:,} is outside 1 to {WHOLE_NUMBERS[key]:,}")
        return number

    return read


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise InputError(f"expected true or false, got {text!r:.60}")
    return text.lower() == "true"


PARAMETERS = (
    Parameter("model", "llama-3.1-8b", _model),
    Parameter("device", "h100-sxm-80gb", _named("device", lambda: ["none", *devices()])),
    Parameter("weights", "published", _named("weight format", lambda: ["published", *weight_schemes()])),
    Parameter("kv_cache", OWN, _cache),
    Parameter("engine", "transformers", _named("engine", lambda: engines())),
    Parameter("attention", OWN, _named("attention", lambda: CHOICES["attention"])),
    Parameter("phase", "peak", _named("phase", lambda: CHOICES["phase"])),
    Parameter("logits", OWN, _named("logits", lambda: CHOICES["logits"])),
    Parameter("parts", "all", _named("parts", lambda: CHOICES["parts"])),
    Parameter("tensor_parallel", 1, _whole("tensor_parallel")),
    Parameter("pipeline_parallel", 1, _whole("pipeline_parallel")),
    Parameter("step_tokens", None, _whole("step_tokens")),
    Parameter("max_num_seqs", None, _whole("max_num_seqs")),
    Parameter("kv_unified", False, _flag),
    Parameter("swa_full", False, _flag),
    Parameter("placement", "one-gpu", _named("placement", lambda: CHOICES["placement"])),
    Parameter("context_length", 8192, _whole("context_length")),
    Parameter("batch_size", 1, _whole("batch_size")),
    Parameter("unit", "GiB", _named("unit", lambda: UNITS)),
    Parameter("present", False, _flag),
)
DEFAULTS = {parameter.key: parameter.default for parameter in PARAMETERS}
SCENARIO_KEYS = tuple(field.name for field in fields(Scenario) if field.name in DEFAULTS)


def read_link(query: Mapping[str, str]) -> tuple[dict[str, Value], list[str]]:
    """Every parameter's value, with the default for those that cannot be used, and a sentence for each of these."""
    values, problems = dict(DEFAULTS), []
    for parameter in PARAMETERS:
        if parameter.key not in query:
            continue
        try:
            values[parameter.key] = parameter.read(query[parameter.key][:LONGEST_VALUE])
        except InputError as error:
            reason = str(error).removeprefix(f"{parameter.key}: ").partition("; known: ")[0]
            problems.append(f"{parameter.key} in the link: {reason}. The page's default is used.")
    return values, problems


def scenario_of(values: Mapping[str, Value]) -> Scenario:
    """The scenario that the values name. Raises InputError."""
    chosen = {key: values[key] for key in SCENARIO_KEYS}
    return Scenario(**{key: None if value == OWN else value for key, value in chosen.items()})  # type: ignore[arg-type]


def short_query(values: Mapping[str, Value]) -> dict[str, str]:
    """What the address bar shows: the parameters that differ from the page's defaults."""
    return {key: text(values[key]) for key in DEFAULTS if values[key] != DEFAULTS[key]}


def full_query(values: Mapping[str, Value]) -> str:
    """What `Copy link` writes: every parameter, so that the link means the same when defaults change."""
    return urlencode({key: text(value) for key, value in values.items() if value not in (OWN, None)})


def text(value: Value) -> str:
    """A value as it stands in a link."""
    return str(value).lower() if isinstance(value, bool) else str(value)
