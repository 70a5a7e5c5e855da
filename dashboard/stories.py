"""Stories: steps of state and sentence from a YAML file, read as data and checked like a link."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from memory_model import InputError
from memory_model.deployment import Deployment
from memory_model.errors import unknown
from memory_model.estimate import breakdown
from memory_model.files.plain_yaml import read_yaml

from .format_names import scheme_name
from .parameter import Value
from .parameters import DEFAULTS, PARAMETERS, VIEW_NAMES, usual
from .story_files import LARGEST, text_of
from .wording import amount, count

MOST_STEPS = 60
LONGEST_SENTENCE = 400
NOT_IN_A_STEP = ("story", "story_step", "present", "unit")
"""Keys that the room decides, not the step."""
NUMBERS = (
    "model", "device", "engine", "format", "tokens", "sequences", "supported",
    "weights", "kv_cache", "activations", "overhead", "total", "usable", "free", "over", "gpus",
)  # fmt: skip
"""What a sentence may name as `$weights`; each is computed for what is on the page."""


@dataclass(frozen=True, slots=True)
class Step:
    """One picture and what is said about it; `state` holds what differs from the page's defaults."""

    view: str
    title: str
    say: str
    state: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Story:
    """Steps in the order in which they are told."""

    name: str
    about: str
    steps: tuple[Step, ...]


def read_story(text: str, where: str) -> Story:
    """The story of a YAML text. Raises InputError that names file, step and key for anything that cannot be used."""
    if len(text) > LARGEST:
        raise InputError(f"{where}: a story has at most {LARGEST // 1024} KiB; this one is longer")
    data = _mapping(
        read_yaml(text, where), where, required=("name", "steps"), known=("name", "about", "start", "steps")
    )
    start = _state(data.get("start", {}), f"{where} › start")
    steps = data["steps"]
    if not isinstance(steps, list) or not 1 <= len(steps) <= MOST_STEPS:
        raise InputError(f"{where} › steps: expected a list of 1 to {MOST_STEPS} steps")
    found = [_step(step, f"{where} › steps[{number}]", start) for number, step in enumerate(steps, 1)]
    return Story(
        _words(data["name"], f"{where} › name"), _words(data.get("about", " "), f"{where} › about"), tuple(found)
    )


@lru_cache(maxsize=256)
def find_story(name: str) -> Story:
    """The story of a name in a link. Raises InputError for one that is not known here."""
    text = text_of(name)
    if text is None:
        raise InputError("this link names a story that somebody brought; open its file under Stories")
    return read_story(text, f"{name}.yaml")


def written(story: Story) -> str:
    """The story as YAML, which `read_story` reads back."""
    steps = [
        {"view": step.view, "title": step.title, "say": step.say} | ({"state": dict(step.state)} if step.state else {})
        for step in story.steps
    ]
    data = {"name": story.name, "about": story.about, "steps": steps}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def recorded(view: str, title: str, say: str, values: Mapping[str, Value]) -> Step:
    """A step that shows the page as it is now. Raises InputError for words that cannot be used."""
    left_out = usual(values)
    state = {
        key: value
        for key, value in values.items()
        if key in DEFAULTS and value != left_out[key] and key not in NOT_IN_A_STEP
    }
    return Step(view, _words(title, "title"), _sentence(say, "sentence"), state)


def spoken(say: str, deployment: Deployment, unit: str) -> str:
    """The sentence with its numbers, for what is on the page."""
    memory = breakdown(deployment)
    total = int(memory.bytes)
    usable = deployment.engine.memory_limit(deployment) if deployment.device else 0
    numbers = {
        "model": deployment.model.name,
        "device": deployment.device.name if deployment.device else "no device",
        "engine": deployment.engine.facts.label,
        "format": scheme_name(deployment.scheme),
        "tokens": count(int(deployment.workload.context_length), "token"),
        "sequences": count(int(deployment.workload.batch_size), "sequence"),
        "supported": count(deployment.model.max_position_embeddings, "token"),
        "usable": amount(usable, unit),
        "total": amount(total, unit),
        "free": amount(max(0, usable - total), unit),
        "over": amount(max(0, total - usable), unit),
        "gpus": str(deployment.options.devices),
    }
    parts = {component.name: amount(int(component.bytes), unit) for component in memory}
    return string.Template(say).substitute(numbers | parts)


def _step(step: Any, where: str, start: Mapping[str, Value]) -> Step:
    data = _mapping(step, where, required=("title", "say"), known=("view", "title", "say", "state"))
    view = data.get("view", "memory")
    if view not in VIEW_NAMES:
        raise InputError(f"{where} › view: {unknown('view', str(view), VIEW_NAMES)}")
    state = {**start, **_state(data.get("state", {}), f"{where} › state")}
    return Step(view, _words(data["title"], f"{where} › title"), _sentence(data["say"], f"{where} › say"), state)


def _state(data: Any, where: str) -> dict[str, Value]:
    if not isinstance(data, dict):
        raise InputError(f"{where}: expected keys and values, got {type(data).__name__}")
    readers = {parameter.key: parameter.read for parameter in PARAMETERS if parameter.key not in NOT_IN_A_STEP}
    found: dict[str, Value] = {}
    for key, value in data.items():
        if key not in readers:
            raise InputError(f"{where}: {unknown('key', key, list(readers))}")
        if not isinstance(value, str | int | float | bool):
            raise InputError(f"{where} › {key}: expected one value, got {type(value).__name__}")
        try:
            found[key] = readers[key](str(value).lower() if isinstance(value, bool) else str(value))
        except InputError as error:
            raise InputError(f"{where} › {key}: {str(error).removeprefix(f'{key}: ')}") from None
    return found


def _sentence(text: Any, where: str) -> str:
    words = _words(text, where, LONGEST_SENTENCE)
    template = string.Template(words)
    if not template.is_valid():
        raise InputError(f"{where}: a $ stands before a name such as $total, or twice for the sign itself")
    for name in template.get_identifiers():
        if name not in NUMBERS:
            raise InputError(f"{where}: {unknown('number', name, NUMBERS)}")
    return words


def _words(text: Any, where: str, most: int = 120) -> str:
    if not isinstance(text, str) or not text:
        raise InputError(f"{where}: expected words, got {text!r:.40}")
    if len(text) > most:
        raise InputError(f"{where}: {len(text)} characters; at most {most}, so that a room can read it")
    return " ".join(text.split())


def _mapping(data: Any, where: str, required: Sequence[str], known: Sequence[str]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise InputError(f"{where}: expected {', '.join(known)}; got {type(data).__name__}")
    for key in required:
        if key not in data:
            raise InputError(f"{where}: {key} is missing")
    for key in data:
        if key not in known:
            raise InputError(f"{where}: {unknown('key', str(key), known)}")
    return data
