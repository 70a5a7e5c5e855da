"""The keys of a question as options, each with what it may hold and what it holds unless given."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from ..keys import keys_of


def question_options(
    parser: argparse.ArgumentParser,
    question: type,
    *,
    model: str = "model",
    without: Sequence[str] = (),
    several: Sequence[str] = (),
) -> None:
    """Add an option for each key but those of `without`; `several`: those that take numbers with commas between them."""
    keys = keys_of(question)
    parser.add_argument(model, help=keys["model"].help)
    parser.set_defaults(**dict.fromkeys(without))
    for one in fields(question):
        name, key, default = one.name, keys[one.name], _said(one.default)
        if name in ("model", *without):
            continue
        option = f"--{name.replace('_', '-')}"
        help_ = key.help + (f"; {default} unless given" if default else "")
        if key.is_flag:
            parser.add_argument(option, nargs="?", const="true", metavar="true|false", help=help_)
        elif name in several:
            parser.add_argument(option, metavar="N,N,...", default=default, help=f"{help_}; several by commas")
        else:
            metavar = f"{{{','.join(key.choices)}}}" if key.choices else name.upper()
            parser.add_argument(option, metavar=metavar, help=help_)


def _said(default: Any) -> str:
    """A default as one would type it; nothing where the engine decides, and for what is off."""
    if default is None or default is False:
        return ""
    return ",".join(default) if isinstance(default, tuple) else str(default).lower()
