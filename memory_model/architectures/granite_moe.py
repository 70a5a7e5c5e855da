"""Granite's later families: experts with shared ones; windows and attention sinks, with experts or without."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.mlp import DenseMlp, MixtureOfExperts
from ..model_shape import ModelShape
from ..tensors import Mlp
from .config import Config
from .decoder import attention, decoder, layer_types, mixture, stack, windowed
from .family import Family
from .llama import LLAMA, NORMS


def _experts(config: Config) -> MixtureOfExperts:
    shared = config.whole("shared_intermediate_size", 0, least=0)
    counted = "num_local_experts", "num_experts"
    return mixture(config, *counted, width="intermediate_size", shared_intermediate_size=shared)


def granitemoeshared(config: Config) -> ModelShape:
    """IBM 2025; transformers modeling_granitemoeshared.py: one more MLP that every token passes."""
    mixer = attention(config, bias=config.flag("attention_bias"))
    return decoder(config, stack(config, mixer, _experts(config), NORMS))


def granitemoe_swa(config: Config) -> ModelShape:
    """IBM 2026; transformers modeling_granitemoe_swa.py: sinks in every layer, one table of positions for each theta."""
    return _windows_and_sinks(config, _experts(config))


def granite_swa(config: Config) -> ModelShape:
    """IBM 2026; transformers modeling_granite_swa.py: the same with a dense MLP."""
    return _windows_and_sinks(config, DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias")))


def _windows_and_sinks(config: Config, mlp: Mlp) -> ModelShape:
    """`layer_rope_theta`: the base of each layer's rotation, 0 for none."""
    kinds = layer_types(config, lambda i: i % 4 != 0)
    full = attention(config, bias=config.flag("attention_bias"), sinks=True)
    layers = zip(
        windowed(full, config.optional("sliding_window"), kinds), _rotated_layers(config, len(kinds)), strict=True
    )
    mixers = [mixer if rotates else replace(mixer, rotary_dim=0) for mixer, rotates in layers]
    return decoder(config, stack(config, mixers, mlp, NORMS))


def _rotated_layers(config: Config, count: int) -> list[bool]:
    bases = config.raw("layer_rope_theta")
    if bases is None:
        return [True] * count
    numbers = isinstance(bases, list) and all(type(base) in (int, float) and base >= 0 for base in bases)
    if not numbers or len(bases) != count:
        raise config.error("layer_rope_theta", f"expected a list of {count} numbers, one a layer", "check the file")
    return [base > 0 for base in bases]


_GRANITE = LLAMA | {"num_local_experts": 8, "num_experts_per_tok": 2, "shared_intermediate_size": 0}

FAMILIES = (
    Family("granitemoeshared", granitemoeshared, _GRANITE),
    Family("granitemoe_swa", granitemoe_swa, _GRANITE | {"sliding_window": 128}),
    Family("granite_swa", granite_swa, LLAMA | {
        "vocab_size": 100352, "hidden_size": 2560, "intermediate_size": 8192, "num_hidden_layers": 24,
        "num_attention_heads": 20, "num_key_value_heads": 4, "max_position_embeddings": 8192,
        "tie_word_embeddings": True, "sliding_window": 128,
    }),
)  # fmt: skip
