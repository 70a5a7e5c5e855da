"""RWKV-4 and xLSTM: no attention, and memories that do not grow."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.mlp import DenseMlp
from ..blocks.mlstm import Mlstm
from ..blocks.time_mixing import ChannelMixing, TimeMixing
from ..model_shape import ModelShape
from ..tensors import norm
from .config import Config
from .decoder import decoder, stack
from .family import Family
from .hybrid import NO_LIMIT

ROUND = 64
"""Widths of heads are rounded up to it (configuration_xlstm.py)."""


def rwkv(config: Config) -> ModelShape:
    """Peng et al. 2023, arXiv:2305.13048; transformers modeling_rwkv.py: the embedding is normed before the first layer."""
    config.ignore("rescale_every")
    width = config.whole("hidden_size")
    config.must_be("attention_hidden_size", None, width)
    mixer, mlp = TimeMixing(width), ChannelMixing(config.whole("intermediate_size", 4 * width), gated=False)
    layers = stack(config, mixer, mlp, ("ln1", "ln2"), bias=True)
    shape = decoder(config, layers, norm_bias=True, max_position_embeddings=config.whole("context_length"))
    return replace(shape, embeddings=(*shape.embeddings, *norm("pre_ln", width, bias=True)))


def xlstm(config: Config) -> ModelShape:
    """Beck et al. 2025, arXiv:2503.13427; transformers modeling_xlstm.py."""
    config.must_be("embedding_dim", None, config.whole("hidden_size"))
    config = config.renamed(num_hidden_layers="num_blocks")
    width, heads = config.wholes("hidden_size", "num_heads")
    config.must_be("weight_mode", "single", "fused")
    config.ignore("mode", "chunk_size", "max_inference_chunksize", "gate_soft_cap", "output_logit_soft_cap")
    config.ignore(
        "chunkwise_kernel", "sequence_kernel", "step_kernel", "autocast_kernel_dtype", "inference_state_dtype"
    )
    widths: list[int] = []
    config.must_be("head_dim", int(width * config.number("v_dim_factor", least=1e-3, most=1e3)) // heads)
    for key in ("qk_dim_factor", "v_dim_factor"):
        wide = int(width * config.number(key, least=1e-3, most=1e3))
        if wide % ROUND or wide % heads:
            raise config.error(key, f"{wide} is no multiple of {ROUND} and of {heads} heads", "check the file")
        widths.append(wide)
    multiple = config.whole("ffn_round_up_to_multiple_of")
    mlp_width = int(
        (width * config.number("ffn_proj_factor", least=1e-3, most=1e3) + multiple - 1) // multiple * multiple
    )
    bias = config.flag("use_bias")
    layers = stack(
        config,
        Mlstm(heads, widths[0], widths[1], bias),
        DenseMlp(mlp_width, bias=bias),
        ("norm_mlstm", "norm_ffn"),
        bias=bias,
    )
    return decoder(config.changed(tie_word_embeddings=False), layers, max_position_embeddings=NO_LIMIT)


FAMILIES = (
    Family("rwkv", rwkv, {
        "vocab_size": 50277, "hidden_size": 4096, "num_hidden_layers": 32, "context_length": 1024,
        "tie_word_embeddings": False,
    }),
    Family("xlstm", xlstm, {
        "vocab_size": 50304, "hidden_size": 4096, "num_hidden_layers": 32, "num_heads": 8, "qk_dim_factor": 0.5,
        "v_dim_factor": 1.0, "ffn_proj_factor": 2.667, "ffn_round_up_to_multiple_of": 64, "use_bias": False,
        "weight_mode": "single", "tie_word_embeddings": False,
    }),
)  # fmt: skip
