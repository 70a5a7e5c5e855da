"""Predictions beside measured training steps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ..amount import MemoryBreakdown
from ..model_shape import ModelShape
from ..presets import parse_config
from ..training import Training, training_memory
from .measured import Pair, Row, table


def training_pairs() -> Iterator[Pair]:
    """Gradients, and the most bytes above the weights in a forward and backward pass."""
    for row in table("training.csv"):
        memory = training_step_memory(row)
        gradients = int(memory["gradients"].bytes)
        yield "gradients", gradients, int(row["gradients"])
        what = "QLoRA" if row["method"] == "qlora" else "16 and 32 bits"
        yield f"peak of a step, {what}", int(memory["activations"].bytes) + gradients, int(row["peak"])


def training_step_memory(row: Row) -> MemoryBreakdown:
    """What ran in a row of `training.csv`."""
    adapters = (
        {"lora_rank": int(row["lora_rank"]), "lora_targets": tuple(row["lora_targets"].split())}
        if row["lora_rank"]
        else {}
    )
    training = Training(
        model="measured",
        method=row["method"],
        optimizer="adamw-fused",  # whose step allocates nothing, so that the backward pass decides
        precision=row["precision"],
        gradient_checkpointing=row["gradient_checkpointing"] == "1",
        context_length=int(row["context_length"]),
        batch_size=int(row["batch_size"]),
        attention=row["attention"],
        **adapters,  # type: ignore[arg-type]
    )
    return training_memory(training, _shape(row["config"]))


@lru_cache(maxsize=512)
def _shape(config: str) -> ModelShape:
    return parse_config(config, "config")
