"""The question that a training step answers, in the vocabulary of the command line, the JSON and Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import InputError
from ..keys import Key, check, check_keys, keyed, keys_of, read
from ..scenario import MOST_SEQUENCES, MOST_TOKENS

MOST_RANK = 2**14


@dataclass(frozen=True, slots=True)
class Training:
    """One question: this model, trained by this method, with so many tokens in so many sequences a step.

    `precision`: `bf16`: weights, gradients and optimizer states in 16 bits; `mixed`: with a float32 master copy of what
    learns (full), or with adapters in float32 (lora, qlora); `fp32`: all in float32.
    `adamw` is torch's default on CUDA (foreach); `adamw-fused`, transformers' Trainer's, allocates nothing while it steps.
    Raises InputError for a value that is out of range or not known.
    """

    model: str = field(metadata={"key": Key("preset id or Hub name, or the path of a config.json")})
    method: str = keyed(
        "full",
        "what learns: all of it, or adapters beside frozen matrices, which qlora keeps in 4 bits",
        choices=("full", "lora", "qlora"),
    )
    optimizer: str = keyed(
        "adamw",
        "what follows the gradients",
        choices=("adamw", "adamw-fused", "adamw-8bit", "sgd", "sgd-momentum", "adafactor"),
    )
    precision: str = keyed(
        "mixed",
        "bf16: all in 16 bits; mixed: with float32 master weights (full) or float32 adapters; fp32",
        choices=("bf16", "mixed", "fp32"),
    )
    gradient_checkpointing: bool = keyed(
        False, "keep only the input of each layer, and run the layer again for its gradient"
    )
    lora_rank: int = keyed(16, "rank of the adapters", most=MOST_RANK)
    lora_targets: tuple[str, ...] = keyed(
        ("q_proj", "k_proj", "v_proj", "o_proj"), "matrices with an adapter, such as q_proj,v_proj", is_list=True
    )
    context_length: int = keyed(2048, "tokens of a sequence, such as 2048 or 8k", most=MOST_TOKENS)
    batch_size: int = keyed(1, "sequences in one forward pass", most=MOST_SEQUENCES)
    attention: str | None = keyed(None, "implementation of attention", choices=("sdpa", "eager"))
    """None for what transformers chooses."""
    device: str = keyed("none", "device preset (see `devices`)")

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not one.default:
                check(one.name, KEYS[one.name], value)
        if self.method == "qlora" and self.precision == "fp32":
            raise InputError("precision: qlora computes in 16 bits; use bf16 or mixed")

    @classmethod
    def from_mapping(cls, keys: Mapping[str, Any]) -> Training:
        """The question from JSON, options or a link: texts such as `8k`, `true` and `q_proj,v_proj` are understood.

        Raises InputError for unknown keys and for values that cannot be read.
        """
        check_keys(keys, list(KEYS), "training")
        return cls(**{name: read(name, KEYS[name], value) for name, value in keys.items()})


KEYS = keys_of(Training)
