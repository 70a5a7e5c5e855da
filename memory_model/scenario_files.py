"""Many scenarios in one file: JSON lines, a JSON list or a YAML list."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from .errors import InputError
from .plain_yaml import read_yaml


def read_scenarios(name: str) -> list[Any]:
    """The scenarios of a file as plain mappings; a line that is not JSON becomes an InputError in the list.

    Raises InputError for a file that cannot be read as a whole.
    """
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror}); give a .jsonl, .yaml or .json file") from None
    except UnicodeDecodeError:
        raise InputError(f"{name}: not a text file in UTF-8") from None
    if name.endswith((".yaml", ".yml", ".json")):
        data = read_yaml(text, name) if not name.endswith(".json") else _read_json(text, name)
        if isinstance(data, dict):
            data = [data]
        if not isinstance(data, list):
            raise InputError(f"{name}: expected a list of scenarios, got {type(data).__name__}")
        return data
    found: list[Any] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(json.loads(line))
        except (json.JSONDecodeError, RecursionError):
            found.append(InputError(f"{'standard input' if name == '-' else name} › line {number}: not JSON"))
    return found


def _read_json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{where}: cannot be parsed ({str(error).splitlines()[0]})") from None
