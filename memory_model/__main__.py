# PYTHON_ARGCOMPLETE_OK
"""How much memory a language model needs. Exit status 0; 1 for a batch with errors; 2 for bad input."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from .command_line import commands
from .command_line.completion import complete
from .command_line.dashboard import dashboard_command
from .command_line.log import log_command
from .command_line.options import question_options
from .command_line.speed import speed_command
from .command_line.train import train_command, train_options
from .errors import InputError
from .scenario import Scenario
from .version import VERSION

COMMAND = "llm-memory"
"""What an installed package is started by, instead of `python -m memory_model`."""
LISTS = {
    "models": commands.models_command,
    "engines": commands.engines_command,
    "devices": commands.devices_command,
    "formats": commands.formats_command,
}
"""Commands that print the names of presets."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; prints to standard output, one line of error to standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal or pipe that knows no × shows a ? instead of ending
    parser = _parser()
    complete(parser)
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
        print(end="", flush=True)
        return status
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still has to write as it ends
        if isinstance(error, BrokenPipeError):  # the reader has seen enough
            return 0
        place = error.filename or "standard output"
        print(f"error: {place}: cannot be used ({error.strerror}); name another place", file=sys.stderr)
        return 2


class _OneLineParser(argparse.ArgumentParser):
    """Wrong usage is one line on standard error, as every other error."""

    def error(self, message: str) -> NoReturn:
        print(f"error: {message}; see {self.prog} --help", file=sys.stderr)
        sys.exit(2)


Command = Callable[[argparse.Namespace], int]


def _parser() -> argparse.ArgumentParser:
    installed = Path(sys.argv[0]).stem == COMMAND
    parser = _OneLineParser(prog=COMMAND if installed else "python -m memory_model", description=__doc__)
    parser.add_argument("--version", action="version", version=f"{COMMAND} {VERSION}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Command) -> argparse.ArgumentParser:
        text = (run.__doc__ or "").strip()
        added = subparsers.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    _about_scenarios(command)
    _about_files(command)
    for name, run in LISTS.items():
        _json(command(name, run), "as a JSON list")
    accuracy = command("accuracy", commands.accuracy_command)
    _json(accuracy, "as a JSON list")
    accuracy.add_argument("--write", action="store_true", help="keep the result in presets/accuracy.yaml")
    dashboard = command("dashboard", dashboard_command)
    dashboard.add_argument(
        "options", nargs="*", help="options of `streamlit run` after --, such as -- --server.port=80"
    )
    return parser


def _about_scenarios(command: Callable[[str, Command], argparse.ArgumentParser]) -> None:
    """Commands that answer a question whose keys are options."""
    for name, run in (("estimate", commands.estimate_command), ("fit", commands.fit_command)):
        added = command(name, run)
        question_options(added, Scenario)
        _json(added)
    explain = command("explain", commands.explain_command)
    question_options(explain, Scenario)
    explain.add_argument("--component", help="only this one, such as kv_cache")
    sweep = command("sweep", commands.sweep_command)
    question_options(sweep, Scenario, several=("context_length", "batch_size"))
    sweep.add_argument("--csv", action="store_true", help="comma-separated values")
    train_options(command("train", train_command))
    speed = command("speed", speed_command)
    question_options(speed, Scenario)
    speed.add_argument("--answer-tokens", metavar="N", help="tokens of the answer; 512 unless given")
    speed.add_argument("--price-per-hour", metavar="PRICE", help="what one device costs an hour, in your currency")
    _json(speed)


def _about_files(command: Callable[[str, Command], argparse.ArgumentParser]) -> None:
    """Commands that read a file: an engine's log, scenarios, a checkpoint."""
    log = command("log", log_command)
    log.add_argument("file", help="a text file with what the engine printed while it started, or - for standard input")
    question_options(log, Scenario, model="--model", without=("engine", "phase"))
    _json(log)
    batch = command("batch", commands.batch_command)
    batch.add_argument("file", help="a .jsonl, .yaml or .json file of scenarios, or - for JSON lines on standard input")
    batch.add_argument("--out", help="write the results to this file")
    checkpoint = command("checkpoint", commands.checkpoint_command)
    checkpoint.add_argument("path", help="a folder with config.json and safetensors files, or a .gguf file")
    _json(checkpoint)


def _json(parser: argparse.ArgumentParser, help_: str = "as a JSON object") -> None:
    parser.add_argument("--json", action="store_true", help=help_)


if __name__ == "__main__":
    sys.exit(main())
