"""The result of a training question as plain data: the JSON that other programs read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..result import model_facts
from .breakdown import BACKWARD, step_moments, training_deployment, training_memory, training_method
from .optimizers import STEP
from .parameters import learning
from .training import Training


def training_result(training: Training) -> dict[str, Any]:
    """Question, model, bytes by component, evidence and, with a device, whether it fits. Raises InputError."""
    memory, deployment = training_memory(training), training_deployment(training)
    learned = learning(deployment.model, training_method(training, deployment))
    total, device = int(memory.bytes), deployment.device
    backward, step = (int(moment.bytes) for moment in step_moments(training))
    rest = total - max(backward, step)
    return {
        "training": asdict(training) | {"attention": deployment.attention, "lora_targets": list(training.lora_targets)},
        "model": model_facts(training.model, deployment),
        "trained_parameters": sum(p.layers * p.values for p in learned),
        "components": {part.name: int(part.bytes) for part in memory},
        "total": total,
        "moment": STEP if step > backward else BACKWARD,
        "moments": {BACKWARD: rest + backward, STEP: rest + step},
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
