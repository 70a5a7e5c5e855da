"""Quantised weights and caches, in the formats that each engine loads, from the mildest to the strongest."""

from __future__ import annotations

from collections.abc import Callable

from ..presets import engines, weight_schemes
from .change import Asked, Change, Price, refuse, setting

_WEIGHT_LABELS = {
    "bf16": ("bf16 weights", "Every weight in 16 bits.", Price.NOTHING),
    "fp8": ("fp8 weights", "Every matrix in 8-bit floating point.", Price.WEIGHTS_8_BIT),
    "int8": ("int8 weights", "Every matrix in 8-bit whole numbers (bitsandbytes).", Price.WEIGHTS_8_BIT),
    "w8a8": ("int8 weights", "Every matrix in 8-bit whole numbers, one scale a channel.", Price.WEIGHTS_8_BIT),
    "q8_0": ("Q8_0 weights", "Every matrix in 8 bits, one scale for 32 values.", Price.WEIGHTS_8_BIT),
    "q6_k": ("Q6_K weights", "Matrices in about 6.6 bits a value.", Price.WEIGHTS_8_BIT),
    "awq-int4": (
        "AWQ int4 weights",
        "Matrices in 4 bits, one scale for 128 values, chosen by what activations need.",
        Price.WEIGHTS_4_BIT,
    ),
    "nf4": ("NF4 weights", "Matrices in 4-bit NormalFloat (bitsandbytes).", Price.WEIGHTS_4_BIT),
    "q4_k_m": ("Q4_K_M weights", "llama.cpp's usual 4-bit mix.", Price.WEIGHTS_4_BIT),
    "q3_k_m": ("Q3_K_M weights", "llama.cpp's 3-bit mix.", Price.WEIGHTS_BELOW_4_BIT),
    "iq2_xxs": ("IQ2_XXS weights", "llama.cpp's 2-bit mix.", Price.WEIGHTS_BELOW_4_BIT),
}
_CACHE_LABELS = {
    "fp8": ("fp8 cache", "Keys and values in 8-bit floating point: half of 16 bits.", Price.CACHE_8_BIT),
    "q8_0": ("Q8_0 cache", "Keys and values in 8 bits, one scale for 32 values.", Price.CACHE_8_BIT),
    "q4_0": ("Q4_0 cache", "Keys and values in 4 bits, one scale for 32 values.", Price.CACHE_4_BIT),
}


def offered_weights(engine: str) -> tuple[str, ...]:
    """Weight formats that are offered as changes on an engine."""
    return engines()[engine].facts.offered_weights


def offered_caches(engine: str) -> tuple[str, ...]:
    """Formats of keys and values that are; quantised caches of transformers: `options`."""
    return engines()[engine].facts.offered_caches


def _offered(key: str, name: str, formats: Callable[[str], tuple[str, ...]]) -> Callable[[Asked], Asked]:
    def apply(asked: Asked) -> Asked:
        if name not in formats(asked.scenario.engine):
            raise refuse(key, f"{asked.scenario.engine} does not load {name}")
        return setting(**{key: name})(asked)

    return apply


def _cache(name: str) -> Change:
    label, words, price = _CACHE_LABELS[name]
    return Change(f"cache-{name}", label, words, "cache", price, "kv_cache", _offered("kv_cache", name, offered_caches))


def _weights(name: str) -> Change:
    label, words, price = _WEIGHT_LABELS[name]
    assert name in weight_schemes(), name
    return Change(
        f"weights-{name}", label, words, "quantisation", price, "weights", _offered("weights", name, offered_weights)
    )


FORMATS = (*(_cache(name) for name in _CACHE_LABELS), *(_weights(name) for name in _WEIGHT_LABELS))
