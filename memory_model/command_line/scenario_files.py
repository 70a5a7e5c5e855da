"""Many scenarios in one file: JSON lines, a JSON list or a YAML list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files.plain_json import read_json
from ..files.plain_yaml import read_yaml
from ..files.text_files import read_standard_input, read_text

LARGEST = 64 * 2**20
LONGEST_LINE = 2**20
REPAIR = "give a .jsonl, .yaml or .json file of scenarios"
LINE_REPAIR = 'write one scenario a line, such as {"model": "gpt2"}'


def read_scenarios(name: str) -> list[Any]:
    """The scenarios of a file as plain mappings; a line that is not JSON becomes an InputError in the list.

    Raises InputError for a file that cannot be read as a whole.
    """
    text = read_standard_input(LARGEST, REPAIR) if name == "-" else read_text(Path(name), LARGEST, REPAIR)
    if name.endswith((".yaml", ".yml", ".json")):
        data = read_yaml(text, name) if not name.endswith(".json") else read_json(text, name, REPAIR)
        if isinstance(data, dict):
            data = [data]
        if not isinstance(data, list):
            raise InputError(f"{name}: expected a list of scenarios, got {type(data).__name__}")
        return data
    source = "standard input" if name == "-" else name
    lines = enumerate(text.split("\n"), start=1)
    return [_line(line, f"{source} › line {number}") for number, line in lines if line.strip()]


def _line(line: str, where: str) -> Any:
    if len(line) > LONGEST_LINE:
        return InputError(f"{where}: longer than {LONGEST_LINE // 2**20} MiB; {LINE_REPAIR}")
    try:
        return read_json(line, where, LINE_REPAIR)
    except InputError as error:
        return error
