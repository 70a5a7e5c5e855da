"""The page's state in a link: every value that comes from outside is read here, or refused with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from urllib.parse import urlencode

from memory_model import InputError, Scenario

from .parameter import OWN, Value
from .parameters import DEFAULTS, PARAMETERS, usual
from .stories import Step, find_story

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
    problems += _past_the_end(read)
    return base(read) | read, problems


def _past_the_end(read: dict[str, Value]) -> list[str]:
    """Set a step that the story does not have to its last, and say so; without a story there is none."""
    steps, step = _steps(read), int(read.pop("story_step", None) or 1)
    if steps:
        read["story_step"] = min(step, len(steps))
    if not 0 < len(steps) < step:
        return []
    return [f"story_step in the link: {step} is more than the {len(steps)} steps of the story. Its last one is shown."]


def _short(value: str) -> str:
    """A value that was cut could mean something else."""
    if len(value) > LONGEST_VALUE:
        raise InputError(f"{len(value):,} characters are more than {LONGEST_VALUE}")
    return value


def base(values: Mapping[str, Value]) -> dict[str, Value]:
    """What a link leaves out: what is usual on the page, or the state of the step where a story is told."""
    steps = _steps(values)
    if not steps:
        return usual(values)
    state = steps[min(int(values.get("story_step") or 1), len(steps)) - 1].state
    return {**usual({**state, **values}), **state}


def _steps(values: Mapping[str, Value]) -> tuple[Step, ...]:
    """The steps of the story that is told; none where there is none of that name."""
    try:
        return find_story(str(values["story"])).steps if values.get("story") else ()
    except InputError:
        return ()


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
