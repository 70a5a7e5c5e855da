"""What `train` prints: the memory of one training step, by component."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields

from ..training import Training
from ..training.result import training_result
from ..training.training import CHOICES
from .commands import print_components, verdict

HELP = {
    "precision": "bf16: all in 16 bits; mixed: with float32 master weights (full) or float32 adapters; fp32",
    "gradient_checkpointing": "keep only the input of each layer, and run the layer again for its gradient",
    "lora_rank": "rank of the adapters",
    "lora_targets": "matrices with an adapter, such as q_proj,v_proj",
    "context_length": "tokens of a sequence, such as 2048 or 8k",
    "batch_size": "sequences in one forward pass",
    "device": "device preset (see `devices`), or none",
}


def train_command(options: argparse.Namespace) -> int:
    """Memory of a training step: weights, gradients, optimizer, activations; full, LoRA or QLoRA."""
    given = {field.name: getattr(options, field.name) for field in fields(Training)}
    training = Training.from_mapping({key: value for key, value in given.items() if value is not None})
    found = training_result(training)
    if options.json:
        print(json.dumps(found))
        return 0
    trained, model = found["trained_parameters"], found["model"]
    print(f"{model['id']}: {trained:,} of {model['parameters']:,} parameters learn")
    print_components(found)
    if found["device"]:
        print(f"  {verdict(found)}")
    return 0


def train_options(parser: argparse.ArgumentParser, model: str) -> None:
    """The options of `train`, one for each field of Training; `model` is the help of the model."""
    parser.add_argument("model", help=model)
    for field in fields(Training):
        option = f"--{field.name.replace('_', '-')}"
        known = f"one of {', '.join(CHOICES[field.name])}" if field.name in CHOICES else None
        text = HELP.get(field.name, known)
        if field.name == "gradient_checkpointing":
            parser.add_argument(option, nargs="?", const="true", help=text)
        elif field.name != "model":
            parser.add_argument(option, metavar=field.name.upper(), help=text)
    parser.add_argument("--json", action="store_true", help="the result as one JSON object")
