"""MiniMax-Text-01 and M1: lightning attention in seven layers of eight, experts in all of them."""

from __future__ import annotations

from ..blocks.lightning import LightningAttention
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, mixture, num_hidden_layers, stack
from .family import Family
from .hybrid import block_kinds
from .llama import NORMS


def minimax(config: Config) -> ModelShape:
    """MiniMax 2025, arXiv:2501.08313; transformers modeling_minimax.py; the first files name the kinds otherwise."""
    config.must_be("sliding_window", None)
    config.must_be("shared_intermediate_size", 0)
    full = attention(config)
    lightning = LightningAttention(full.num_attention_heads, full.head_dim, config.whole("block_size"))
    moe = mixture(config, "num_local_experts", "num_experts", width="intermediate_size")
    config.ignore("rotary_dim", *(key for key in config.keys if key.startswith(("layernorm_", "shared_moe_mode"))))
    attends = _attends(config, num_hidden_layers(config))
    mixers = [full if attention_layer else lightning for attention_layer in attends]
    return decoder(config, stack(config, mixers, moe, NORMS))


def _attends(config: Config, count: int) -> list[bool]:
    """`layer_types`, or the ones of `attn_type_list`, or every other layer from the first on."""
    listed = config.whole_list("attn_type_list", count)
    kinds = block_kinds(config, count, "layer_types")
    if kinds or not listed:
        return [kind == "full_attention" for kind in kinds] or [index % 2 == 0 for index in range(count)]
    return [kind == 1 for kind in listed]


_MINIMAX = {
    "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 131072,
    "tie_word_embeddings": False, "num_experts_per_tok": 2, "num_local_experts": 8, "block_size": 256,
}  # fmt: skip

FAMILIES = (
    Family("minimax", minimax, _MINIMAX),
    Family("minimax_text_01", minimax, _MINIMAX),
    Family("minimax_m1", minimax, _MINIMAX),
    Family("MiniMaxText01", minimax, _MINIMAX),
    Family("MiniMaxM1", minimax, _MINIMAX),
)
