"""What `log` prints: every figure of an engine's start-up log beside the prediction."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from ..engine_logs import Comparison, compare, read_log
from ..engine_logs.read import LARGEST
from ..engine_logs.taken import preset_named
from ..engine_logs.taken import scenario_of as scenario_with
from ..engine_logs.words import understood_of
from ..errors import InputError
from ..files.text_files import read_standard_input, read_text
from ..scenario import Scenario
from ..units import gib
from .commands import scenario_of

REPAIR = "name a text file of the start-up of vLLM, SGLang, llama.cpp or Ollama, or - for standard input"


def log_command(options: argparse.Namespace) -> int:
    """Every figure of a start-up log of vLLM, SGLang, llama.cpp or Ollama beside the prediction; options go before the log."""
    text = (
        read_standard_input(LARGEST, REPAIR) if options.file == "-" else read_text(Path(options.file), LARGEST, REPAIR)
    )
    log = read_log(text)
    options.model = options.model or preset_named(log.model)
    if not options.model:
        named = f"names {log.model!r:.80}, which is no preset" if log.model else "names none"
        raise InputError(f"model: the log {named}; name one with --model, such as llama-3.1-8b")
    asked = scenario_of(options)
    read, taken = scenario_with(log, asked)
    given = [field.name for field in fields(Scenario) if getattr(options, field.name) is not None]
    scenario = replace(read, **{key: getattr(asked, key) for key in given if key != "model"})
    found = compare(log, scenario)
    sentences = tuple(understood_of(log, taken, scenario.model))
    if options.json:
        print(json.dumps({"understood": sentences, "taken": taken, "figures": [_plain(row) for row in found]}))
        return 0
    for sentence in sentences:
        print(sentence)
    if not found:
        print("It has no figure that is predicted; --device lets what engines reserve be compared.")
    for row in found:
        sign = "equal  " if row.agrees else "differs"
        lines = ", ".join(str(line) for line in row.lines)
        print(f"  {sign} {row.label:34} {_said(row, row.printed):>18} {_said(row, row.predicted):>18}  line {lines}")
        if not row.agrees:
            print(f"          {row.reason}")
    return 0


def _said(row: Comparison, value: float) -> str:
    if row.unit == "bytes":
        return gib(value)
    return f"{value:,.0f} tokens" if row.unit == "tokens" else f"{value:,.2f} {row.unit}"


def _plain(row: Comparison) -> dict[str, Any]:
    return asdict(row) | {"difference": row.difference}
