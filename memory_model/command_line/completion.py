"""Completion in the shell of commands, options and names: models, devices, engines and formats."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any

from ..presets import CACHE_FORMATS, devices, engines, model_presets, weight_schemes
from ..scenario import CHOICES

NAMES: dict[str, Callable[[], Iterable[str]]] = {
    "model": model_presets,
    "device": lambda: ("none", *devices()),
    "engine": engines,
    "weights": lambda: ("published", *weight_schemes()),
    "kv_cache": lambda: CACHE_FORMATS,
    **{key: partial(iter, values) for key, values in CHOICES.items()},
}
"""What can stand for an option or an argument, by the key of the scenario that it fills."""


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks what could follow, and end; do nothing in every other run.

    A shell asks once `register-python-argcomplete llm-memory` was evaluated, which comes with argcomplete.
    """
    if "_ARGCOMPLETE" not in os.environ:
        return
    _name_completers(parser)
    import_module("argcomplete").autocomplete(parser)


def _name_completers(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _name_completers(command)
        elif action.dest in NAMES:
            setattr(action, "completer", _completer(NAMES[action.dest]))  # noqa: B010


def _completer(names: Callable[[], Iterable[str]]) -> Callable[..., list[str]]:
    def starting(prefix: str, **_: Any) -> list[str]:
        return [name for name in names() if name.startswith(prefix)]

    return starting
