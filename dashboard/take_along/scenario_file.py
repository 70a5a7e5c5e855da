"""The scenario as a YAML file that the command line reads, and back."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from memory_model import InputError, Scenario
from memory_model.plain_yaml import read_yaml
from memory_model.scenario import DEFAULTS as SCENARIO_DEFAULTS

from ..link import SCENARIO_KEYS, text
from ..own_models import is_own
from ..parameter import Value
from ..parameters import DEFAULTS, PARAMETERS

COMMENT = "# One scenario; run it with: python -m memory_model batch FILE\n"


def written(scenario: Scenario) -> str:
    """YAML with the model and every key that is not the command line's default.

    Raises InputError for a model that a visitor brought: a file cannot name it.
    """
    if is_own(scenario.model):
        raise InputError("model: this model was brought to the page; a scenario file names presets, or a path of yours")
    keys = {key: getattr(scenario, key) for key in SCENARIO_KEYS}
    shown = {key: value for key, value in keys.items() if key == "model" or value != SCENARIO_DEFAULTS[key]}
    return COMMENT + yaml.safe_dump(shown, sort_keys=False)


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
