"""Everything that a user chooses, in the one vocabulary of the command line, the JSON, the links and Python."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from .errors import InputError, unknown

MOST_TOKENS, MOST_SEQUENCES, MOST_DEVICES = 2**30, 2**20, 1024
"""Far beyond what anybody runs: where searches for the largest end."""

CHOICES = {
    "engine": ("transformers", "vllm", "llama.cpp", "sglang"),
    "attention": ("sdpa", "eager", "flash", "plain"),
    "phase": ("peak", "prefill", "decode", "first_decode"),
    "logits": ("last", "all", "server"),
    "placement": ("one-gpu", "cpu"),
    "cache_implementation": ("dynamic", "static", "quantized"),
    "parts": ("all", "text"),
}
MOST_LAYERS = 10_000
WHOLE_NUMBERS = {
    "context_length": MOST_TOKENS,
    "batch_size": MOST_SEQUENCES,
    "step_tokens": MOST_TOKENS,
    "max_num_seqs": MOST_SEQUENCES,
    "tensor_parallel": MOST_DEVICES,
    "pipeline_parallel": MOST_DEVICES,
    "gpu_layers": MOST_LAYERS,
}
"""The largest value of each; the smallest is 1, but for `gpu_layers`, which may be 0."""
FRACTIONS = ("gpu_memory_utilization", "mem_fraction_static")
FLAGS = ("use_cache", "kv_unified", "swa_full", "kv_offload")
ENGINE_OPTIONS = (
    "step_tokens", "max_num_seqs", "kv_unified", "swa_full", "placement", "tensor_parallel", "pipeline_parallel",
    "use_cache", "cache_implementation", "gpu_layers", "kv_offload", "gpu_memory_utilization", "mem_fraction_static",
)  # fmt: skip
"""What a user sets on the engine itself; each engine names those that it has, and refuses the others."""
OWN_OF_ENGINE = ("engine_version", "attention", "logits", *ENGINE_OPTIONS)
"""Keys that mean something to one engine only, so that they are set back when another one takes over."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One question: this model, in these formats, on this engine, with so many tokens for so many sequences.

    `None` means the engine's own default. Raises InputError for a value that is out of range or not known.
    """

    model: str
    weights: str = "published"
    kv_cache: str | None = None
    engine: str = "transformers"
    engine_version: str | None = None
    attention: str | None = None
    phase: str = "peak"
    context_length: int = 8192
    batch_size: int = 1
    logits: str | None = None
    step_tokens: int | None = None
    max_num_seqs: int | None = None
    kv_unified: bool = False
    swa_full: bool = False
    placement: str = "one-gpu"
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    device: str = "none"
    parts: str = "all"
    use_cache: bool = True
    cache_implementation: str = "dynamic"
    gpu_layers: int | None = None
    kv_offload: bool = True
    gpu_memory_utilization: float | None = None
    mem_fraction_static: float | None = None

    def __post_init__(self) -> None:
        for name in DEFAULTS:
            value = getattr(self, name)
            if value is None and name in OPTIONAL:
                continue
            if name in WHOLE_NUMBERS:
                _check_whole(name, value)
            elif name in FRACTIONS:
                if type(value) not in (int, float) or not 0 < value <= 1:
                    raise InputError(
                        f"{name}: expected a share such as 0.9, more than 0 and at most 1, got {value!r:.60}"
                    )
            elif name in FLAGS:
                if type(value) is not bool:
                    raise InputError(f"{name}: expected true or false, got {value!r:.60}")
            elif not isinstance(value, str) or not value:
                raise InputError(f"{name}: expected a name, got {value!r:.60}")
            elif name in CHOICES and value not in CHOICES[name]:
                raise InputError(f"{name}: {unknown('value', value, CHOICES[name])}")

    @classmethod
    def from_mapping(cls, keys: Mapping[str, Any]) -> Scenario:
        """A scenario from JSON, YAML, options or a link: texts such as `128k` and `true` are understood.

        Raises InputError for unknown keys and for values that cannot be read.
        """
        check_keys(keys, [field.name for field in fields(cls)], "scenario")
        return cls(**{key: _read(key, value) for key, value in keys.items()})


DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Scenario)}
OPTIONAL = frozenset(field.name for field in fields(Scenario) if field.default is None)


def check_keys(keys: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    """Raise InputError for what is no mapping, for a key that is not known, and where no model is named."""
    if not isinstance(keys, Mapping):
        raise InputError(f"a {what} is a mapping of keys, got {type(keys).__name__}")
    for key in keys:
        if key not in known:
            raise unknown(f"{what} key", key, known)
    if "model" not in keys:
        raise InputError("model: missing; name a preset, or a path to a config.json")


def whole_number(text: str) -> int:
    """A whole number from `131072`, `131,072`, `131_072`, `128k` or `1M` (binary: 1,024 and 1,048,576).

    Raises InputError otherwise.
    """
    match = re.fullmatch(r"\s*(\d[\d,_]*|\d+\.\d+)\s*([kKmM]?)\s*", text)
    if not match or len(text) > 24:
        raise InputError(f"expected a whole number such as 8192, 131,072 or 128k, got {text!r:.60}")
    digits, suffix = match.groups()
    scale = {"": 1, "k": 2**10, "m": 2**20}[suffix.lower()]
    amount = float(digits) * scale if "." in digits else int(re.sub(r"[,_]", "", digits)) * scale
    if amount != int(amount):
        raise InputError(f"expected a whole number, got {text!r:.60}")
    return int(amount)


def whole_number_of(key: str, text: str) -> int:
    """The whole number of a text, whose key stands in the error."""
    try:
        return whole_number(text)
    except InputError as error:
        raise InputError(f"{key}: {error}") from None


def _read(key: str, value: Any) -> Any:
    if isinstance(value, str):
        if key in WHOLE_NUMBERS:
            return whole_number_of(key, value)
        if key in FRACTIONS:
            try:
                return float(value)
            except ValueError:
                raise InputError(f"{key}: expected a share such as 0.9, got {value!r:.60}") from None
        if key in FLAGS and value.lower() in ("true", "false"):
            return value.lower() == "true"
    return value


def _check_whole(name: str, value: object) -> None:
    if type(value) is not int:
        raise InputError(f"{name}: expected a whole number, got {value!r:.60}")
    least = 0 if name == "gpu_layers" else 1
    if not least <= value <= WHOLE_NUMBERS[name]:
        raise InputError(f"{name}: {str(value)[:40]} is outside {least} to {WHOLE_NUMBERS[name]:,}")
