"""Olmo 3 and EXAONE 4: norms behind attention and MLP instead of before, windows in three of four layers."""

from __future__ import annotations

from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, layer_types, num_hidden_layers, stack, windowed
from .family import Family
from .llama import LLAMA, POST_NORMS


def olmo3(config: Config) -> ModelShape:
    """Olmo Team 2025, arXiv:2512.13961; transformers modeling_olmo3.py: norms over all queries and keys."""
    full = attention(config, bias=config.flag("attention_bias"), qk_norm="full")
    mixers = windowed(full, config.optional("sliding_window"), layer_types(config, lambda i: (i + 1) % 4 != 0))
    return decoder(config, stack(config, mixers, DenseMlp(config.whole("intermediate_size")), POST_NORMS))


def exaone4(config: Config) -> ModelShape:
    """LG AI Research 2025, arXiv:2507.11407; transformers modeling_exaone4.py: a norm on every query and key head."""
    window = config.optional("sliding_window")
    kinds = layer_types(config, lambda i: window is not None and every_nth_is_full(config, i))
    config.ignore("sliding_window_pattern")
    mixers = windowed(attention(config, qk_norm="head"), window, kinds)
    return decoder(config, stack(config, mixers, DenseMlp(config.whole("intermediate_size")), POST_NORMS))


def every_nth_is_full(config: Config, layer: int) -> bool:
    """Every `sliding_window_pattern`-th layer is full; older files spell the pattern with letters, the last layer full."""
    pattern = config.raw("sliding_window_pattern")
    if isinstance(pattern, str) and pattern and set(pattern) <= {"L", "G"}:
        return pattern[layer % len(pattern)] == "L" and layer != num_hidden_layers(config) - 1
    every = config.optional("sliding_window_pattern", least=0)
    return bool(every) and (layer + 1) % every != 0 if every else False


FAMILIES = (
    Family("olmo3", olmo3, LLAMA | {"vocab_size": 50304, "sliding_window": 4096}),
    Family("exaone4", exaone4, LLAMA | {
        "vocab_size": 102400, "intermediate_size": 16384, "num_key_value_heads": 32, "sliding_window": 4096,
        "sliding_window_pattern": 4,
    }),
)  # fmt: skip
