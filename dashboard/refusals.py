"""What the page says where the memory model refuses: its own words, with the names that keys and formats have on the page."""

from __future__ import annotations

import re
from functools import lru_cache

from memory_model.presets import CACHE_FORMATS, weight_schemes

from .format_names import cache_name, weights_name

NAMES = {
    "kv_cache": "KV cache format",
    "engine_version": "engine version",
    "weights": "weight format",
    "parts": "parts of the model",
    "tensor_parallel": "GPUs that share every layer",
    "pipeline_parallel": "GPUs that hold layers in turn",
    "step_tokens": "tokens in one step",
    "use_cache": "KV cache kept",
    "gpu_layers": "layers on the GPU",
}
"""Keys whose own name does not say enough."""


def key_name(key: str) -> str:
    """`weight format` for `weights`."""
    return NAMES.get(key, key.replace("_", " "))


def in_words(refused: Exception | str) -> str:
    """`Weight format: AWQ int4 has no GGUF equivalent …` for `weights: awq-int4 has no GGUF equivalent …`."""
    text = str(refused).replace("give the path of a", "bring a")  # a page takes files, never paths
    key, mark, rest = text.partition(": ")
    ids, named = _ids()
    if not mark or not key.isidentifier():
        return ids.sub(lambda found: named[found[0]], text)
    said = key_name(key)
    return f"{said[0].upper()}{said[1:]}: {ids.sub(lambda found: named[found[0]], rest)}"


@lru_cache(maxsize=1)
def _ids() -> tuple[re.Pattern[str], dict[str, str]]:
    """Finds every id of a format as a word of its own, and what it is called."""
    named = {name: cache_name(name) for name in CACHE_FORMATS} | {name: weights_name(name) for name in weight_schemes()}
    longest = sorted(named, key=len, reverse=True)
    return re.compile(rf"(?<![\w./-])(?:{'|'.join(map(re.escape, longest))})(?![\w-])"), named
