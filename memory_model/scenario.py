"""Everything that a user chooses, in the one vocabulary of the command line, the JSON, the links and Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from .keys import Key, check, check_keys, keyed, keys_of, read

MOST_TOKENS, MOST_SEQUENCES, MOST_DEVICES = 2**30, 2**20, 1024
"""Far beyond what anybody runs: where searches for the largest end."""

MOST_LAYERS = 10_000


@dataclass(frozen=True, slots=True)
class Scenario:
    """One question: this model, in these formats, on this engine, with so many tokens for so many sequences.

    `None` means the engine's own default. Raises InputError for a value that is out of range or not known.
    """

    model: str = field(metadata={"key": Key("preset id or Hub name, or the path of a config.json")})
    weights: str = keyed("published", "weight format (see `formats`); published: as the checkpoint stores it")
    kv_cache: str | None = keyed(None, "KV cache format, or keys:values such as q8_0:f16")
    engine: str = keyed("transformers", "inference engine", choices=("transformers", "vllm", "llama.cpp", "sglang"))
    engine_version: str | None = keyed(
        None, "a version of the engine (see `engines`); the newest measured unless given"
    )
    attention: str | None = keyed(None, "implementation of attention", choices=("sdpa", "eager", "flash", "plain"))
    phase: str = keyed(
        "peak",
        "peak is the largest of the others; first_decode: transformers only",
        choices=("peak", "prefill", "decode", "first_decode"),
    )
    context_length: int = keyed(
        8192, "tokens per sequence, prompt and output so far, such as 8192 or 128k", most=MOST_TOKENS
    )
    batch_size: int = keyed(1, "sequences at once", most=MOST_SEQUENCES)
    logits: str | None = keyed(
        None,
        "transformers: last (what generate() asks for) or all; llama.cpp: server or all",
        choices=("last", "all", "server"),
    )
    step_tokens: int | None = keyed(
        None,
        "tokens in one step: vLLM's max_num_batched_tokens, llama.cpp's n_ubatch",
        most=MOST_TOKENS,
        of_engine=True,
    )
    max_num_seqs: int | None = keyed(None, "vLLM's max_num_seqs", most=MOST_SEQUENCES, of_engine=True)
    kv_unified: bool = keyed(False, "llama.cpp's --kv-unified", of_engine=True)
    swa_full: bool = keyed(False, "llama.cpp's --swa-full", of_engine=True)
    placement: str = keyed("one-gpu", "llama.cpp: where the layers are", choices=("one-gpu", "cpu"), of_engine=True)
    tensor_parallel: int = keyed(1, "devices that share every layer", most=MOST_DEVICES, of_engine=True)
    pipeline_parallel: int = keyed(1, "devices that hold consecutive layers", most=MOST_DEVICES, of_engine=True)
    device: str = keyed("none", "device preset (see `devices`)")
    parts: str = keyed("all", "all, or text: the language model without its towers", choices=("all", "text"))
    use_cache: bool = keyed(True, "transformers: false to compute every token anew", of_engine=True)
    cache_implementation: str = keyed(
        "dynamic",
        "transformers: how the cache is allocated",
        choices=("dynamic", "static", "quantized"),
        of_engine=True,
    )
    gpu_layers: int | None = keyed(
        None, "llama.cpp's --n-gpu-layers; all unless given", least=0, most=MOST_LAYERS, of_engine=True
    )
    kv_offload: bool = keyed(True, "llama.cpp: false for --no-kv-offload", of_engine=True)
    gpu_memory_utilization: float | None = keyed(
        None, "vLLM's share of the GPU, such as 0.9", is_share=True, of_engine=True
    )
    prefix_caching: bool | None = keyed(
        None,
        "vLLM's --enable-prefix-caching, which counts in models with recurrent states",
        is_flag=True,
        of_engine=True,
    )
    mem_fraction_static: float | None = keyed(
        None, "SGLang's share of the GPU for weights and cache, such as 0.85", is_share=True, of_engine=True
    )

    def __post_init__(self) -> None:
        for name, default in DEFAULTS.items():
            value = getattr(self, name)
            if value is not default:
                check(name, KEYS[name], value)

    @classmethod
    def from_mapping(cls, keys: Mapping[str, Any]) -> Scenario:
        """A scenario from JSON, YAML, options or a link: texts such as `128k` and `true` are understood.

        Raises InputError for unknown keys and for values that cannot be read.
        """
        check_keys(keys, list(KEYS), "scenario")
        return cls(**{name: read(name, KEYS[name], value) for name, value in keys.items()})


KEYS = keys_of(Scenario)
DEFAULTS: dict[str, Any] = {one.name: one.default for one in fields(Scenario)}
CHOICES = {name: key.choices for name, key in KEYS.items() if key.choices}
ENGINE_OPTIONS = tuple(name for name, key in KEYS.items() if key.of_engine)
OWN_OF_ENGINE = ("engine_version", "attention", "logits", *ENGINE_OPTIONS)
"""Keys that mean something to one engine only, so that they are set back when another one takes over."""


def several(key: str, values: Iterable[Any]) -> list[Any]:
    """Values of one key, as a grid has them, numpy's numbers and texts such as `8k` among them.

    Raises InputError for one that the key may not hold.
    """
    found = [read(key, KEYS[key], value.item() if isinstance(value, np.generic) else value) for value in values]
    for value in found:
        check(key, KEYS[key], value)
    return found
