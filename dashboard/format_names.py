"""What formats of weights and of caches are called on the page: as the levers call them, never by their names in a link."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from memory_model.levers.formats import FORMATS
from memory_model.precision import WeightScheme
from memory_model.presets import weight_schemes

_OF_LEVERS = {change.id: change.label for change in FORMATS}
_SIXTEEN = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


def weights_name(name: str) -> str:
    """`AWQ int4` for `awq-int4`; what no preset names stays as it is."""
    lever = _OF_LEVERS.get(f"weights-{name}")
    return lever.removesuffix(" weights") if lever else _short().get(name, name)


def scheme_name(scheme: WeightScheme) -> str:
    """The same for a scheme that was made of a model's own file, or chosen."""
    return weights_name(scheme.name)


def cache_name(name: str) -> str:
    """`Q8_0` for `q8_0`, `Q8_0 keys, F16 values` for `q8_0:f16`."""
    keys, _, values = name.partition(":")
    return f"{_cache(keys)} keys, {_cache(values)} values" if values else _cache(keys)


def full_name(name: str) -> str:
    """The whole label of a weight scheme, for a list: `AWQ int4, groups of 128`."""
    label = weight_schemes()[name].label or name
    return f"{_SIXTEEN[label]} ({label})" if label in _SIXTEEN else label


def _cache(name: str) -> str:
    return name.upper() if "_" in name or name == "f16" else name


@lru_cache(maxsize=1)
def _short() -> dict[str, str]:
    """Labels up to their first comma, as long as no other scheme begins alike."""
    labels = {
        name: scheme.label.removeprefix("GGUF ").removesuffix(" experts") or name
        for name, scheme in weight_schemes().items()
    }
    heads = {name: _SIXTEEN.get(label, label).partition(",")[0] for name, label in labels.items()}
    taken = Counter([*heads.values(), *(label.removesuffix(" weights") for label in _OF_LEVERS.values())])
    return {
        name: head if taken[head] == 1 else _SIXTEEN.get(labels[name], labels[name]) for name, head in heads.items()
    }
