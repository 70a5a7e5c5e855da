"""LFM2: short gated convolutions, attention in some layers, and a dense MLP or experts in all."""

from __future__ import annotations

from collections.abc import Sequence

from ..blocks.mlp import DenseMlp
from ..blocks.short_conv import ShortConvolution
from ..model_shape import ModelShape
from ..tensors import Mlp
from .config import Config
from .decoder import attention, decoder, mixture, num_hidden_layers, routed, stack
from .family import Family
from .hybrid import block_kinds

NORMS = ("operator_norm", "ffn_norm")


def lfm2(config: Config) -> ModelShape:
    """Liquid AI 2025, arXiv:2511.23404; transformers modeling_lfm2.py."""
    count = num_hidden_layers(config)
    kinds = _kinds(config)
    if not kinds:
        chosen = config.whole_list("full_attn_idxs") if config.raw("full_attn_idxs") is not None else range(count)
        kinds = tuple("full_attention" if index in chosen else "conv" for index in range(count))
    config.ignore("full_attn_idxs")
    return _lfm2(config, kinds, DenseMlp(_adjusted_width(config)))


def lfm2_moe(config: Config) -> ModelShape:
    """Liquid AI 2025; transformers modeling_lfm2_moe.py: dense MLPs first, then experts."""
    count = num_hidden_layers(config)
    kinds = _kinds(config)
    if not kinds:
        raise config.error("layer_types", "missing", "add the kind of every layer")
    moe = mixture(config, "num_experts", correction_bias=config.flag("use_expert_bias"))
    first = config.whole("num_dense_layers", least=0)
    return _lfm2(config, kinds, routed(config, moe, (index >= first for index in range(count))))


def _kinds(config: Config) -> tuple[str, ...]:
    return block_kinds(config, num_hidden_layers(config), "layer_types", choices=("conv", "full_attention"))


def _lfm2(config: Config, kinds: Sequence[str], mlps: Mlp | Sequence[Mlp]) -> ModelShape:
    full = attention(config, qk_norm="head")
    conv = ShortConvolution(config.whole("hidden_size"), config.whole("conv_L_cache"), config.flag("conv_bias"))
    config.ignore(
        "block_dim", "conv_dim", "conv_dim_out", "conv_use_xavier_init", "block_mlp_init_scale", "block_out_init_scale",
        "num_heads",
    )  # fmt: skip
    config.must_be("block_use_swiglu", True)
    if "tie_embedding" in config.keys:  # the older name wins
        config = config.changed(tie_word_embeddings=config.flag("tie_embedding"))
    mixers = [full if kind == "full_attention" else conv for kind in kinds]
    return decoder(config, stack(config, mixers, mlps, NORMS))


def _adjusted_width(config: Config) -> int:
    """The MLP's width: two thirds of the stated one, scaled, then rounded up, unless the file says not to."""
    width = config.whole("block_ff_dim" if "block_ff_dim" in config.keys else "intermediate_size")
    config.ignore("intermediate_size")
    multiple = config.whole("block_multiple_of")
    scale = config.raw("block_ffn_dim_multiplier")
    if not config.flag("block_auto_adjust_ff_dim"):
        return width
    width = int(2 * width / 3)
    if scale is None:
        return width
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0 < scale <= 1000:
        raise config.error("block_ffn_dim_multiplier", f"{scale!r} is not understood", "state it as a number")
    return multiple * -(-int(scale * width) // multiple)


_LFM2 = {
    "vocab_size": 65536, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
    "max_position_embeddings": 128000, "tie_word_embeddings": True, "conv_bias": False, "conv_L_cache": 3,
}  # fmt: skip

FAMILIES = (
    Family("lfm2", lfm2, _LFM2 | {
        "hidden_size": 2560, "intermediate_size": 12288, "block_multiple_of": 256, "block_ffn_dim_multiplier": 1.0,
        "block_auto_adjust_ff_dim": True,
    }),
    Family("lfm2_moe", lfm2_moe, _LFM2 | {
        "hidden_size": 2048, "intermediate_size": 7168, "moe_intermediate_size": 1792, "num_dense_layers": 2,
        "num_experts_per_tok": 4, "num_experts": 32, "use_expert_bias": True,
    }),
)  # fmt: skip
