"""MPT: linear biases instead of positions, one fused matrix for queries, keys and values, no bias anywhere."""

from __future__ import annotations

from ..blocks.attention import Attention
from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from .config import Config
from .decoder import decoder, stack
from .family import Family
from .llama import NORMS

EXPANSION = 4
"""The width of the MLP against the hidden size: written out in modeling_mpt.py."""


def mpt(config: Config) -> ModelShape:
    """MosaicML 2023; transformers modeling_mpt.py."""
    config.must_be("no_bias", True)
    config.must_be("expansion_ratio", EXPANSION)
    config.ignore("learned_pos_emb", "embedding_fraction", "logit_scale", "init_device", "init_config", "emb_pdrop")
    names = {"hidden_size": "d_model", "num_attention_heads": "n_heads", "num_hidden_layers": "n_layers"}
    keys = {new: config.raw(new if config.keys.get(new) is not None else old) for new, old in names.items()}
    config.ignore(*names)
    keys |= {key: config.raw(key) for key in ("model_type", "vocab_size", "tie_word_embeddings")}
    named = Config(keys, config.where)
    hidden_size, heads = named.whole("hidden_size"), named.whole("num_attention_heads")
    if hidden_size % heads:
        raise config.error("n_heads", f"{heads} does not divide d_model {hidden_size}", "check the file")
    attention = config.section("attn_config")
    if attention is not None:
        attention.must_be("attn_type", "multihead_attention")
        attention.must_be("qk_ln", False)
        attention.must_be("prefix_lm", False)
        attention.must_be("alibi", True)
    mixer = Attention(heads, heads, hidden_size // heads, hidden_size // heads, fused=True)
    mlp = DenseMlp(EXPANSION * hidden_size, gated=False)
    return decoder(named, stack(named, mixer, mlp, NORMS), max_position_embeddings=config.whole("max_seq_len"))


FAMILIES = (
    Family("mpt", mpt, {
        "vocab_size": 50368, "d_model": 2048, "n_heads": 16, "n_layers": 24, "max_seq_len": 2048,
        "tie_word_embeddings": True,
    }),
)  # fmt: skip
