"""What the README shows is what the program prints."""

import re
import shlex
from pathlib import Path

import pytest

from memory_model.__main__ import main

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    command.split("\n", 1)
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for command in block.removeprefix("$ ").split("\n$ ")
]


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[command for command, _ in COMMANDS])
def test_a_shown_command_prints_what_is_shown(capsys, command, shown):
    python, _, module, *arguments = shlex.split(command)
    assert (python, module) == ("python", "memory_model")
    assert main(arguments) == 0
    assert capsys.readouterr().out.rstrip() == shown.rstrip()


def test_every_file_of_the_tour_exists():
    root = Path(__file__).parent.parent
    tour = README[README.index("## Where things are") :]
    for cell in re.findall(r"^\| (.*?) \|", tour, re.MULTILINE)[2:]:
        for name in re.findall(r"`([^`]+)`", cell):
            assert (root / name).exists(), name
