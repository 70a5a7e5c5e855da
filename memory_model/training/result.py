"""The result of a training question as plain data, and as lines for people."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..result import model_facts
from ..units import gib
from .breakdown import training_deployment, training_memory, training_method
from .parameters import learning
from .training import Training


def training_result(training: Training) -> dict[str, Any]:
    """Question, model, bytes by component, evidence and, with a device, whether it fits. Raises InputError."""
    memory, deployment = training_memory(training), training_deployment(training)
    learned = learning(deployment.model, training_method(training, deployment))
    total, device = int(memory.bytes), deployment.device
    return {
        "training": asdict(training) | {"attention": deployment.attention, "lora_targets": list(training.lora_targets)},
        "model": model_facts(training.model, deployment),
        "trained_parameters": sum(p.layers * p.values for p in learned),
        "components": {part.name: int(part.bytes) for part in memory},
        "total": total,
        "evidence": {part.name: part.evidence.value for part in memory},
        "notes": {part.name: part.note for part in memory if part.note},
        "device": None
        if device is None
        else {
            "id": device.id,
            "usable_bytes": device.usable_bytes,
            "fits": total <= device.usable_bytes,
            "headroom": device.usable_bytes - total,
        },
    }


def training_lines(found: dict[str, Any]) -> list[str]:
    """The same as a table for people, without the device."""
    trained, model = found["trained_parameters"], found["model"]
    lines = [f"{model['id']}: {trained:,} of {model['parameters']:,} parameters learn"]
    for name, amount in found["components"].items():
        lines.append(f"  {name:12} {gib(amount):>14}  {amount:>20,} bytes  {found['evidence'][name]}")
    return [*lines, f"  {'total':12} {gib(found['total']):>14}  {found['total']:>20,} bytes"]
