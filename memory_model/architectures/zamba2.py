"""Zamba2: Mamba-2 in every layer, and a transformer block that several of them share."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.attention import Attention
from ..blocks.mamba2 import Mamba2
from ..blocks.mlp import DenseMlp
from ..blocks.parallel import AttentionAndMamba2
from ..blocks.shared_transformer import SharedAttention, SharedMlp
from ..model_shape import ModelShape
from ..tensors import Mixer, Mlp
from .config import Config
from .decoder import attention, decoder, num_hidden_layers, stack
from .family import Family
from .hybrid import block_kinds

MAMBA, HYBRID = "linear_attention", "hybrid"
DEFAULT_KINDS = (MAMBA, *((MAMBA,) * 5 + (HYBRID,)) * 7, *(MAMBA,) * 4, HYBRID, *(MAMBA,) * 3, HYBRID, MAMBA, MAMBA)


def zamba2(config: Config) -> ModelShape:
    """Glorioso et al. 2024, arXiv:2411.15242; transformers modeling_zamba2.py.

    Hybrid layers take the `num_mem_blocks` shared blocks in turn: the first users count the weights, every user has
    its adapters and its own keys and values. Where the file unties the embeddings, transformers unties the blocks too:
    every user then holds a whole block with the adapters of all users of that block.
    """
    recurrent = _mamba2(config)
    kinds, width = _kinds(config), config.whole("hidden_size")
    config.must_be("hybrid_layer_ids", None, [index for index, kind in enumerate(kinds) if kind == HYBRID])
    input_width = 2 * width
    config.must_be("attention_hidden_size", None, input_width)
    full = _attention(config, input_width)
    mlp = DenseMlp(config.optional("intermediate_size") or 4 * width, bias=config.flag("add_bias_linear"), fused=True)
    rank = config.whole("adapter_rank")
    own_rank = rank if config.flag("use_shared_attention_adapter") else 0
    shared_blocks = config.whole("num_mem_blocks")
    config.ignore(
        "num_query_groups", "kv_channels", "chunk_size", "num_logits_to_keep", "ffn_hidden_size",
        "use_shared_mlp_adapter", "use_mem_eff_path", "use_shared_block_lora",
    )  # fmt: skip
    config.must_be("use_shared_attention_lora", False)
    tied = config.flag("tie_word_embeddings")
    users = kinds.count(HYBRID)
    mixers: list[Mixer | None] = []
    mlps: list[Mlp | None] = []
    for index, kind in enumerate(kinds):
        if kind == MAMBA:
            mixers.append(recurrent)
            mlps.append(None)
            continue
        user = kinds[:index].count(HYBRID)
        owned = not tied or user < shared_blocks
        held = 1 if tied else len(range(user % shared_blocks, users, shared_blocks))
        mixers.append(AttentionAndMamba2(SharedAttention(full, input_width, owned, own_rank, held), recurrent))
        mlps.append(SharedMlp(mlp, owned, rank, held))
    longest = 16384 if config.flag("use_long_context") else None
    return decoder(config, stack(config, mixers, mlps, ("input_layernorm",)), max_position_embeddings=longest)


def _kinds(config: Config) -> tuple[str, ...]:
    count = num_hidden_layers(config)
    kinds = block_kinds(config, count, "layers_block_type", "layer_types", choices=(MAMBA, HYBRID)) or DEFAULT_KINDS
    if len(kinds) != count:
        raise config.error("layers_block_type", "missing", "add the kind of every layer")
    return kinds


def _attention(config: Config, input_width: int) -> Attention:
    heads = config.whole("num_attention_heads", most=input_width)
    head_dim = config.optional(config.spelled("attention_head_dim", "head_dim")) or input_width // heads
    full = attention(config, head_dim=head_dim)
    return full if config.flag("use_mem_rope") else replace(full, rotary_dim=0)


def _mamba2(config: Config) -> Mamba2:
    heads = config.whole("n_mamba_heads")
    d_inner = config.whole("mamba_expand") * config.whole("hidden_size")
    if d_inner % heads or config.whole("mamba_headdim", d_inner // heads) * heads != d_inner:
        raise config.error("n_mamba_heads", f"{heads} heads do not share {d_inner} inner values", "check the file")
    bias = config.flag("add_bias_linear")
    config.ignore("use_conv_bias")  # the convolution always has one
    return Mamba2(
        heads,
        d_inner // heads,
        config.whole("mamba_ngroups"),
        config.whole("mamba_d_state"),
        config.whole("mamba_d_conv"),
        in_bias=bias,
        out_bias=bias,
    )


FAMILIES = (
    Family("zamba2", zamba2, {
        "vocab_size": 32000, "max_position_embeddings": 4096, "hidden_size": 2560, "num_hidden_layers": 54,
        "mamba_d_state": 64, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_ngroups": 1, "n_mamba_heads": 8,
        "num_attention_heads": 32, "num_mem_blocks": 1, "adapter_rank": 128, "tie_word_embeddings": True,
    }),
)  # fmt: skip
