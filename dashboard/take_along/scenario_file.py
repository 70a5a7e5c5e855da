"""The scenario as a YAML file that the command line reads, and back; a comment says how the page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

import yaml

from memory_model import InputError, Scenario
from memory_model.errors import unknown
from memory_model.files.plain_yaml import read_yaml
from memory_model.scenario import DEFAULTS as SCENARIO_DEFAULTS

from ..link import SCENARIO_KEYS, text
from ..own_models import is_own
from ..parameter import Value
from ..parameters import DEFAULTS, PARAMETERS, VIEW_NAMES, usual

COMMENT = "# One scenario; run it with: python -m memory_model batch FILE\n"
ON_THE_PAGE = "# On the page: "
"""Begins the comment that names the view and what is set in it, as a link does; the command line has no use for it."""
NOT_KEPT = ("present", "story", "story_step")
PAGE_KEYS = tuple(key for key in DEFAULTS if key not in SCENARIO_KEYS and key not in NOT_KEPT)
"""The keys of the page and of its views."""


@dataclass(frozen=True, slots=True)
class PageState:
    """The place of a view, empty where none is named, and values of `PAGE_KEYS`."""

    view: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)


def written(scenario: Scenario, page: PageState) -> str:
    """YAML with the model and every key that is not the command line's default, under the comment about the page.

    Raises InputError for a model that a visitor brought: a file cannot name it.
    """
    if is_own(scenario.model):
        raise InputError("model: this model was brought to the page; a scenario file names presets, or a path of yours")
    keys = {key: getattr(scenario, key) for key in SCENARIO_KEYS}
    shown = {key: value for key, value in keys.items() if key == "model" or value != SCENARIO_DEFAULTS[key]}
    left_out = usual(page.values)
    own = {key: text(value) for key, value in page.values.items() if value is not None and value != left_out[key]}
    place = f"{page.view}?{urlencode(own)}".removesuffix("?")
    return f"{COMMENT}{ON_THE_PAGE}{place}\n{yaml.safe_dump(shown, sort_keys=False)}"


def page_of(content: str, where: str) -> PageState:
    """How the page showed the scenario when the file was written; nothing where no comment says it.

    Raises InputError for what a link could not say either.
    """
    line = next((line for line in content.splitlines() if line.startswith(ON_THE_PAGE)), "")
    if not line:
        return PageState()
    view, _, query = line.removeprefix(ON_THE_PAGE).strip().partition("?")
    if view not in VIEW_NAMES:
        raise InputError(f"{where} › on the page: {unknown('view', view, VIEW_NAMES)}")
    readers = {parameter.key: parameter.read for parameter in PARAMETERS if parameter.key in PAGE_KEYS}
    values: dict[str, Value] = {}
    for key, value in parse_qsl(query, max_num_fields=len(PAGE_KEYS)):
        if key not in readers:
            raise InputError(f"{where} › on the page: {unknown('key', key, readers)}")
        try:
            values[key] = readers[key](value)
        except InputError as error:
            raise InputError(f"{where} › {key}: {error}") from None
    given = usual(values) | values
    return PageState(view, {key: given[key] for key in PAGE_KEYS})


def read(content: str, where: str) -> dict[str, Value]:
    """The page's values for the scenario in a YAML text. Raises InputError for what a link could not say either."""
    data = read_yaml(content, where)
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, Mapping):
        raise InputError(f"{where}: expected the keys of one scenario, got {type(data).__name__}")
    scenario = Scenario.from_mapping(data)
    readers = {parameter.key: parameter.read for parameter in PARAMETERS}
    values = dict(DEFAULTS)
    for key in SCENARIO_KEYS:
        value = getattr(scenario, key)
        if value is None:
            continue
        try:
            values[key] = readers[key](text(value))
        except InputError as error:
            raise InputError(f"{where} › {key}: {str(error).removeprefix(f'{key}: ')}") from None
    return values
