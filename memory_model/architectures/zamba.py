"""Zamba: Mamba in every layer, and one transformer block that some of them share."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.mamba import Mamba
from ..blocks.mlp import DenseMlp
from ..blocks.parallel import AttentionAndMamba2
from ..blocks.shared_transformer import SharedAttention, SharedMlp
from ..model_shape import ModelShape
from ..tensors import Mixer, Mlp
from .config import Config
from .decoder import attention, decoder, num_hidden_layers, stack
from .family import Family
from .hybrid import block_kinds, time_step_rank
from .zamba2 import HYBRID, MAMBA

FIRST = (MAMBA, MAMBA, HYBRID)


def zamba(config: Config) -> ModelShape:
    """Glorioso et al. 2024, arXiv:2405.16712; transformers modeling_zamba.py: no positions, no adapters.

    Where the file unties the embeddings, transformers unties the block too, and every user holds one.
    """
    config.ignore("num_logits_to_keep", "use_mamba_kernels", "use_associative_scan")
    config.ignore("time_step_min", "time_step_max", "time_step_floor", "hidden_mamba_act")
    width, count = config.whole("hidden_size"), num_hidden_layers(config)
    kinds = block_kinds(config, count, "layers_block_type", "layer_types", choices=(MAMBA, HYBRID))
    period, offset = config.whole("attn_layer_period"), config.whole("attn_layer_offset", least=0)
    rest = tuple(HYBRID if index % period == offset else MAMBA for index in range(count - len(FIRST)))
    kinds = kinds or (*FIRST, *rest)[:count]
    inner, heads = config.whole("mamba_expand") * width, config.whole("n_mamba_heads")
    if inner % heads:
        raise config.error("n_mamba_heads", f"{heads} heads do not share {inner} inner values", "check the file")
    recurrent = Mamba(
        inner,
        config.whole("mamba_d_state"),
        config.whole("mamba_d_conv"),
        time_step_rank(config, "mamba_dt_rank"),
        conv_bias=config.flag("mamba_conv_bias", True),
        proj_bias=config.flag("mamba_proj_bias"),
        heads=heads,
        decay_stored="fp32",
    )
    read = config.whole("attention_hidden_size", 2 * width)
    config.must_be("attention_hidden_size", None, 2 * width)
    head_dim = config.whole("attention_head_dim", read // config.whole("num_attention_heads", most=read))
    full = replace(attention(config, head_dim=head_dim), rotary_dim=0)
    mlp = DenseMlp(config.whole("intermediate_size"))
    mixers: list[Mixer | None] = []
    mlps: list[Mlp | None] = []
    for index, kind in enumerate(kinds):
        owned = HYBRID not in kinds[:index] or not config.flag("tie_word_embeddings")
        shared = kind == HYBRID
        mixers.append(AttentionAndMamba2(SharedAttention(full, read, owned), recurrent) if shared else recurrent)
        mlps.append(SharedMlp(mlp, owned, 0) if shared else None)
    return decoder(config, stack(config, mixers, mlps, ("input_layernorm",)))


FAMILIES = (
    Family("zamba", zamba, {
        "vocab_size": 32000, "hidden_size": 3712, "intermediate_size": 14848, "num_hidden_layers": 76,
        "num_attention_heads": 16, "num_key_value_heads": 16, "n_mamba_heads": 2, "mamba_d_state": 16,
        "mamba_d_conv": 4, "mamba_expand": 2, "mamba_dt_rank": "auto", "attn_layer_period": 6, "attn_layer_offset": 4,
        "max_position_embeddings": 4096, "tie_word_embeddings": True,
    }),
)  # fmt: skip
