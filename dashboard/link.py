"""The page's state in a link: every value that comes from outside is read here, or refused with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from urllib.parse import urlencode

from memory_model import InputError, Scenario

from .parameter import OWN, Value
from .parameters import DEFAULTS, PARAMETERS, usual
from .stories import find_story

LONGEST_VALUE = 200
"""Characters of a value in a link."""
SCENARIO_KEYS = tuple(field.name for field in fields(Scenario) if field.name in DEFAULTS)


def read_link(query: Mapping[str, str]) -> tuple[dict[str, Value], list[str]]:
    """Every parameter's value, with the default for those that cannot be used, and a sentence for each of these."""
    read, problems = {}, []
    for parameter in PARAMETERS:
        if parameter.key not in query:
            continue
        try:
            read[parameter.key] = parameter.read(_short(query[parameter.key]))
        except InputError as error:
            reason = str(error).removeprefix(f"{parameter.key}: ").partition("; known: ")[0]
            end = "" if reason.endswith((".", "?")) else "."
            problems.append(f"{parameter.key} in the link: {reason}{end} The page's default is used.")
    return base(read) | read, problems


def _short(value: str) -> str:
    """A value that was cut could mean something else."""
    if len(value) > LONGEST_VALUE:
        raise InputError(f"{len(value):,} characters are more than {LONGEST_VALUE}")
    return value


def base(values: Mapping[str, Value]) -> dict[str, Value]:
    """What a link leaves out: what is usual on the page, or the state of the step where a story is told."""
    try:
        steps = find_story(str(values["story"])).steps if values.get("story") else ()
    except InputError:
        steps = ()
    if not steps:
        return usual(values)
    state = steps[min(int(values.get("story_step") or 1), len(steps)) - 1].state
    return {**usual({**state, **values}), **state}


def scenario_of(values: Mapping[str, Value]) -> Scenario:
    """The scenario that the values name. Raises InputError."""
    chosen = {key: values[key] for key in SCENARIO_KEYS}
    return Scenario(**{key: None if value == OWN else value for key, value in chosen.items()})  # type: ignore[arg-type]


def short_query(values: Mapping[str, Value]) -> dict[str, str]:
    """What the address bar shows: the parameters that differ from what the page has without them."""
    left_out = base(values) | {key: DEFAULTS[key] for key in ("story", "story_step")}
    return {key: text(values[key]) for key in DEFAULTS if values[key] != left_out[key] and values[key] is not None}


def full_query(values: Mapping[str, Value]) -> str:
    """What `Copy link` writes: every parameter, so that the link means the same when defaults change."""
    return urlencode({key: text(value) for key, value in values.items() if value not in (OWN, None)})


def text(value: Value) -> str:
    """A value as it stands in a link."""
    return str(value).lower() if isinstance(value, bool) else str(value)
