"""RecurrentGemma: two recurrent layers, then one with local attention, and so on."""

from __future__ import annotations

from ..blocks.mlp import DenseMlp
from ..blocks.rg_lru import RgLru
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, num_hidden_layers, stack
from .family import Family
from .hybrid import NO_LIMIT

NORMS = ("temporal_pre_norm", "channel_pre_norm")


def recurrent_gemma(config: Config) -> ModelShape:
    """Botev et al. 2024, arXiv:2404.07839; transformers modeling_recurrent_gemma.py.

    The stated MLP width counts gate and up projection together. States live in the layers, keys and values in a cache.
    """
    width, heads = config.wholes("hidden_size", "num_attention_heads")
    window = config.whole(config.spelled("attention_window_size", "sliding_window"))
    local = attention(
        config,
        window=window,
        qkv_bias=config.flag("attention_bias"),
        o_bias=True,
    )
    recurrent = RgLru(config.whole("lru_width", width), heads, config.whole("conv1d_width"))
    mlp = DenseMlp(config.whole("intermediate_size") // 2, bias=True)
    count = num_hidden_layers(config)
    pattern = config.raw("block_types")
    known = isinstance(pattern, (list, tuple)) and all(kind in ("recurrent", "attention") for kind in pattern)
    if not known or not pattern:
        raise config.error("block_types", f"{pattern!r} is not understood", "known: a list of recurrent, attention")
    kinds = [pattern[index % len(pattern)] for index in range(count)]
    mixers = [local if kind == "attention" else recurrent for kind in kinds]
    layers = stack(config, mixers, mlp, NORMS)
    return decoder(config, layers, max_position_embeddings=config.whole("max_position_embeddings", NO_LIMIT))


FAMILIES = (
    Family("recurrent_gemma", recurrent_gemma, {
        "num_hidden_layers": 26, "vocab_size": 256000, "hidden_size": 2560, "intermediate_size": 7680,
        "num_attention_heads": 10, "attention_window_size": 2048, "conv1d_width": 4,
        "block_types": ("recurrent", "recurrent", "attention"), "partial_rotary_factor": 0.5,
        "tie_word_embeddings": True,
    }),
)  # fmt: skip
