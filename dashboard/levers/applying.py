"""Setting the page's controls to what a change asks for."""

from __future__ import annotations

import json

from memory_model.levers import Asked, shared_prefix_id
from memory_model.model_shape import ModelShape

from .. import own_models
from ..echoes import place
from ..parameter import Value
from ..parameters import DEFAULTS, SCENARIO
from .chain import SUGGESTED


def keep_model(model: ModelShape) -> str:
    """Remember a what-if model, and return the name that stands for it."""
    content = json.dumps([model.name, model.dtype, model.config], sort_keys=True, default=str).encode()
    return own_models.keep(model, content)


def apply(asked: Asked, known: ModelShape | None) -> None:
    """Set every control of the scenario; a model other than `known` is kept and chosen.

    The row of changes is spent but for a shared beginning, which is no control of the page.
    """
    values: dict[str, Value] = {"levers_changes": shared_prefix_id(asked) or SUGGESTED}
    for parameter in SCENARIO:
        value = getattr(asked.scenario, parameter.key)
        values[parameter.key] = DEFAULTS[parameter.key] if value is None else value
    if asked.model is not None and asked.model is not known:
        values["model"] = keep_model(asked.model)
    place(values)
