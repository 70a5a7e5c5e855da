"""Windows, macOS, narrow terminals, machines without a network: what differs there makes no difference here."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from memory_model.__main__ import main

ROOT = Path(__file__).parent.parent
FOLDERS = ("memory_model", "dashboard", "presets", "tests", ".streamlit", ".ci")
FILES = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{digit}" for name in ("com", "lpt") for digit in range(10))}


def test_every_name_can_stand_in_a_folder_of_windows_and_macos():
    names = [path.relative_to(ROOT).as_posix() for path in FILES]
    assert len(names) > 500
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert len(name) < 160, name
        for part in name.split("/"):
            assert re.fullmatch(r"[\w.+-]+", part, re.ASCII) and not part.endswith("."), name
            assert part.partition(".")[0].lower() not in RESERVED, name


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_terminal_of_any_encoding_gets_an_answer(encoding):
    command = [sys.executable, "-m", "memory_model", "explain", "deepseek-r1", "--context-length", "4k"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert ("× 61 layers" if encoding != "ascii" else "? 61 layers") in done.stdout.decode(encoding)


@pytest.fixture
def asked(monkeypatch):
    """Every address that anything in this process tried to reach; none of them is reached."""
    found = []

    def refuse(*arguments, **_):
        found.append(arguments)
        raise OSError("no network in this test")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    return found


COMMANDS = (
    "estimate llama-3.1-8b --device h100-sxm-80gb --json", "fit gemma-3-27b-it --device rtx-4090", "explain gpt2",
    "sweep qwen3-0.6b --context-length 1k,8k", "speed llama-3.1-8b --device h100-sxm-80gb", "train gpt2",
    "estimate meta-llama/Llama-3.1-8B --engine vllm", "estimate no/such/config.json", "estimate lama",
    "models", "engines", "devices", "formats", "--version",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_asks_a_network(asked, capsys, command):
    try:
        main(command.split())
    except SystemExit as stop:
        assert stop.code == 0
    assert capsys.readouterr() != ("", "")
    assert not asked


def test_only_a_name_of_the_hub_asks_the_hub(asked, capsys):
    assert main(["estimate", "some-organisation/some-model"]) == 2
    assert "the Hub cannot be reached" in capsys.readouterr().err
    assert asked
