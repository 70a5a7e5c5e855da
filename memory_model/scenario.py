"""Everything that a user chooses, in the one vocabulary of the command line, the JSON, the links and Python."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from .errors import InputError, unknown

MOST_TOKENS, MOST_SEQUENCES, MOST_DEVICES = 2**30, 2**20, 1024
"""Far beyond what anybody runs: where searches for the largest end."""

MOST_LAYERS = 10_000


@dataclass(frozen=True, slots=True)
class Key:
    """What a key of a scenario may hold, beside the type of its default, and what it means."""

    help: str
    choices: tuple[str, ...] = ()
    least: int = 1
    most: int = 0
    """The largest whole number; 0 for what is none."""
    is_share: bool = False
    """More than 0 and at most 1."""
    of_engine: bool = False
    """Set on the engine itself; each engine names those that it has, and refuses the others."""


def _key(default: Any, help_: str, **more: Any) -> Any:
    return field(default=default, metadata={"key": Key(help_, **more)})


def _option(default: Any, help_: str, **more: Any) -> Any:
    return _key(default, help_, of_engine=True, **more)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One question: this model, in these formats, on this engine, with so many tokens for so many sequences.

    `None` means the engine's own default. Raises InputError for a value that is out of range or not known.
    """

    model: str = field(metadata={"key": Key("preset id or Hub name, or the path of a config.json")})
    weights: str = _key("published", "weight format (see `formats`); published: as the checkpoint stores it")
    kv_cache: str | None = _key(None, "KV cache format, or keys:values such as q8_0:f16")
    engine: str = _key("transformers", "inference engine", choices=("transformers", "vllm", "llama.cpp", "sglang"))
    engine_version: str | None = _key(None, "a version of the engine (see `engines`); the newest measured unless given")
    attention: str | None = _key(None, "implementation of attention", choices=("sdpa", "eager", "flash", "plain"))
    phase: str = _key(
        "peak",
        "prefill, decode, first_decode (transformers), or peak: the largest of them",
        choices=("peak", "prefill", "decode", "first_decode"),
    )
    context_length: int = _key(
        8192, "tokens per sequence, prompt and output so far, such as 8192 or 128k", most=MOST_TOKENS
    )
    batch_size: int = _key(1, "sequences at once", most=MOST_SEQUENCES)
    logits: str | None = _key(
        None,
        "transformers: last (what generate() asks for) or all; llama.cpp: server or all",
        choices=("last", "all", "server"),
    )
    step_tokens: int | None = _option(
        None, "tokens in one step: vLLM's max_num_batched_tokens, llama.cpp's n_ubatch", most=MOST_TOKENS
    )
    max_num_seqs: int | None = _option(None, "vLLM's max_num_seqs", most=MOST_SEQUENCES)
    kv_unified: bool = _option(False, "llama.cpp's --kv-unified")
    swa_full: bool = _option(False, "llama.cpp's --swa-full")
    placement: str = _option("one-gpu", "llama.cpp: one-gpu, or cpu", choices=("one-gpu", "cpu"))
    tensor_parallel: int = _option(1, "devices that share every layer", most=MOST_DEVICES)
    pipeline_parallel: int = _option(1, "devices that hold consecutive layers", most=MOST_DEVICES)
    device: str = _key("none", "device preset (see `devices`), or none")
    parts: str = _key("all", "all, or text: the language model without its towers", choices=("all", "text"))
    use_cache: bool = _option(True, "transformers: false to compute every token anew")
    cache_implementation: str = _option(
        "dynamic", "transformers: dynamic, static or quantized", choices=("dynamic", "static", "quantized")
    )
    gpu_layers: int | None = _option(None, "llama.cpp's --n-gpu-layers; all unless given", least=0, most=MOST_LAYERS)
    kv_offload: bool = _option(True, "llama.cpp: false for --no-kv-offload")
    gpu_memory_utilization: float | None = _option(None, "vLLM's share of the GPU, such as 0.9", is_share=True)
    mem_fraction_static: float | None = _option(
        None, "SGLang's share of the GPU for weights and cache, such as 0.85", is_share=True
    )

    def __post_init__(self) -> None:
        for name, default in DEFAULTS.items():
            value = getattr(self, name)
            if value is not default:
                _check(name, KEYS[name], value)

    @classmethod
    def from_mapping(cls, keys: Mapping[str, Any]) -> Scenario:
        """A scenario from JSON, YAML, options or a link: texts such as `128k` and `true` are understood.

        Raises InputError for unknown keys and for values that cannot be read.
        """
        check_keys(keys, list(KEYS), "scenario")
        return cls(**{name: _read(name, value) for name, value in keys.items()})


KEYS: dict[str, Key] = {one.name: one.metadata["key"] for one in fields(Scenario)}
DEFAULTS: dict[str, Any] = {one.name: one.default for one in fields(Scenario)}
CHOICES = {name: key.choices for name, key in KEYS.items() if key.choices}
FLAGS = tuple(name for name, default in DEFAULTS.items() if type(default) is bool)
ENGINE_OPTIONS = tuple(name for name, key in KEYS.items() if key.of_engine)
OWN_OF_ENGINE = ("engine_version", "attention", "logits", *ENGINE_OPTIONS)
"""Keys that mean something to one engine only, so that they are set back when another one takes over."""


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


def _read(name: str, value: Any) -> Any:
    if isinstance(value, str):
        if KEYS[name].most:
            return whole_number_of(name, value)
        if KEYS[name].is_share:
            try:
                return float(value)
            except ValueError:
                raise InputError(f"{name}: expected a share such as 0.9, got {value!r:.60}") from None
        if name in FLAGS and value.lower() in ("true", "false"):
            return value.lower() == "true"
    return value


def _check(name: str, key: Key, value: Any) -> None:
    if key.most:
        if type(value) is not int:
            raise InputError(f"{name}: expected a whole number, got {value!r:.60}")
        if not key.least <= value <= key.most:
            raise InputError(f"{name}: {str(value)[:40]} is outside {key.least} to {key.most:,}")
    elif key.is_share:
        if type(value) not in (int, float) or not 0 < value <= 1:
            raise InputError(f"{name}: expected a share such as 0.9, more than 0 and at most 1, got {value!r:.60}")
    elif name in FLAGS:
        if type(value) is not bool:
            raise InputError(f"{name}: expected true or false, got {value!r:.60}")
    elif not isinstance(value, str) or not value:
        raise InputError(f"{name}: expected a name, got {value!r:.60}")
    elif key.choices and value not in key.choices:
        raise InputError(f"{name}: {unknown('value', value, key.choices)}")
