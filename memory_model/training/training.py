"""The question that a training step answers, in the vocabulary of the command line, the JSON and Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..errors import InputError, unknown
from ..scenario import MOST_SEQUENCES, MOST_TOKENS, check_keys, whole_number_of

CHOICES = {
    "method": ("full", "lora", "qlora"),
    "optimizer": ("adamw", "adamw-fused", "adamw-8bit", "sgd", "sgd-momentum", "adafactor"),
    "precision": ("bf16", "mixed", "fp32"),
    "attention": ("sdpa", "eager"),
}
MOST_RANK = 2**14
NUMBERS = {"context_length": MOST_TOKENS, "batch_size": MOST_SEQUENCES, "lora_rank": MOST_RANK}
"""The largest value of each; the smallest is 1."""


@dataclass(frozen=True, slots=True)
class Training:
    """One question: this model, trained by this method, with so many tokens in so many sequences a step.

    `precision`: `bf16`: weights, gradients and optimizer states in 16 bits; `mixed`: with a float32 master copy of what
    learns (full), or with adapters in float32 (lora, qlora); `fp32`: all in float32.
    `adamw` is torch's default on CUDA (foreach); `adamw-fused`, transformers' Trainer's, allocates nothing while it steps.
    Raises InputError for a value that is out of range or not known.
    """

    model: str
    method: str = "full"
    optimizer: str = "adamw"
    precision: str = "mixed"
    gradient_checkpointing: bool = False
    lora_rank: int = 16
    lora_targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    context_length: int = 2048
    batch_size: int = 1
    attention: str | None = None
    """`sdpa` or `eager`; None for what transformers chooses."""
    device: str = "none"

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            value = getattr(self, name)
            if value not in known and not (name == "attention" and value is None):
                raise InputError(f"{name}: {unknown('value', value, known)}")
        for name, most in NUMBERS.items():
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise InputError(f"{name}: expected a whole number from 1 to {most:,}, got {value!r:.60}")
        if type(self.gradient_checkpointing) is not bool:
            raise InputError(f"gradient_checkpointing: expected true or false, got {self.gradient_checkpointing!r:.60}")
        if not self.lora_targets or not all(isinstance(role, str) and role for role in self.lora_targets):
            raise InputError("lora_targets: expected names of matrices, such as q_proj,v_proj")
        if self.method == "qlora" and self.precision == "fp32":
            raise InputError("precision: qlora computes in 16 bits; use bf16 or mixed")
        for name in ("model", "device"):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise InputError(f"{name}: expected a name, got {getattr(self, name)!r:.60}")

    @classmethod
    def from_mapping(cls, keys: Mapping[str, Any]) -> Training:
        """The question from JSON, options or a link: texts such as `8k`, `true` and `q_proj,v_proj` are understood.

        Raises InputError for unknown keys and for values that cannot be read.
        """
        check_keys(keys, [field.name for field in fields(cls)], "training")
        return cls(**{key: _read(key, value) for key, value in keys.items()})


def _read(key: str, value: Any) -> Any:
    if key == "lora_targets":
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else tuple(value)
    if isinstance(value, str) and key in NUMBERS:
        return whole_number_of(key, value)
    if key == "gradient_checkpointing" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value
