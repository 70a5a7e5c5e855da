"""What the hybrid families share: kinds of layers under old and new names, and Mamba-2 as most of them spell it."""

from __future__ import annotations

from ..blocks.mamba2 import Mamba2
from .config import Config

RENAMED = {"mamba": "linear_attention", "attention": "full_attention"}
"""Names of kinds before transformers 5 (configuration_utils.py, _LEGACY_LAYER_TYPE_REMAP)."""

RECURRENT_OR_FULL = ("linear_attention", "full_attention")

NO_LIMIT = 2**20
"""Stands for the longest context where the file states none: a purely recurrent model has no limit of its own."""


def block_kinds(
    config: Config, count: int, *keys: str, choices: tuple[str, ...] = RECURRENT_OR_FULL
) -> tuple[str, ...]:
    """The kind of each layer under the first of `keys` that the file uses, by today's names; empty when missing."""
    stated = config.names(config.spelled(*keys), count, (*choices, *RENAMED))
    return tuple(RENAMED.get(kind, kind) for kind in stated)


def time_step_rank(config: Config, key: str) -> int:
    """The rank of Mamba's time step: a number, or `auto` for a sixteenth of the hidden size, rounded up."""
    if config.raw(key) in ("auto", None):
        return -(-config.whole("hidden_size") // 16)
    return config.whole(key)


def mamba2(config: Config, d_inner: int, *, in_bias: bool, out_bias: bool, gated_norm: bool = True) -> Mamba2:
    """Mamba-2 of `mamba_n_heads` heads that share `d_inner`, as Bamba, Falcon-H1 and Granite 4 spell it."""
    heads = config.whole("mamba_n_heads")
    if d_inner % heads:
        raise config.error("mamba_n_heads", f"{heads} does not divide {d_inner} inner values", "check the file")
    if config.raw("mamba_d_head") not in ("auto", None) and config.whole("mamba_d_head") * heads != d_inner:
        raise config.error(
            "mamba_d_head", f"{config.raw('mamba_d_head')} × {heads} heads is not {d_inner}", "check the file"
        )
    config.ignore("mamba_chunk_size", "num_logits_to_keep", "mamba_use_mlp")
    return Mamba2(
        heads,
        d_inner // heads,
        config.whole("mamba_n_groups"),
        config.whole("mamba_d_state"),
        config.whole("mamba_d_conv"),
        conv_bias=config.flag("mamba_conv_bias"),
        in_bias=in_bias,
        out_bias=out_bias,
        gated_norm=gated_norm,
    )
