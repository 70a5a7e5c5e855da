"""What `train` prints: the memory of one training step, by component."""

from __future__ import annotations

import argparse
import json

from ..training import Training
from ..training.result import training_result
from ..training.training import KEYS
from ..units import gib
from .commands import print_components, verdict
from .options import question_options


def train_command(options: argparse.Namespace) -> int:
    """Memory of a training step: weights, gradients, optimizer, activations; full, LoRA or QLoRA."""
    given = {name: getattr(options, name) for name in KEYS}
    training = Training.from_mapping({key: value for key, value in given.items() if value is not None})
    found = training_result(training)
    if options.json:
        print(json.dumps(found))
        return 0
    trained, model = found["trained_parameters"], found["model"]
    print(f"{model['id']}: {trained:,} of {model['parameters']:,} parameters learn")
    print_components(found)
    other = next(name for name in found["moments"] if name != found["moment"])
    print(f"  most in the {found['moment']}; the {other} needs {gib(found['moments'][other])}")
    if found["device"]:
        print(f"  {verdict(found)}")
    return 0


def train_options(parser: argparse.ArgumentParser) -> None:
    """The options of `train`, one for each key of Training."""
    question_options(parser, Training)
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
