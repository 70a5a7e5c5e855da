"""Mamba, Falcon Mamba and Mamba-2: no attention, no MLP, and a cache that does not grow."""

from __future__ import annotations

from ..blocks.mamba import Mamba
from ..blocks.mamba2 import Mamba2
from ..model_shape import ModelShape
from .config import Config
from .decoder import decoder, num_hidden_layers, stack
from .family import Family
from .hybrid import NO_LIMIT, time_step_rank


def mamba(config: Config, *, weightless_norms: bool = False) -> ModelShape:
    """Gu and Dao 2023, arXiv:2312.00752; transformers modeling_mamba.py."""
    width = config.whole("hidden_size")
    mixer = Mamba(
        config.whole("intermediate_size", config.whole("expand") * width),
        config.whole("state_size"),
        config.whole("conv_kernel"),
        time_step_rank(config, "time_step_rank"),
        conv_bias=config.flag("use_conv_bias"),
        proj_bias=config.flag("use_bias"),
        weightless_norms=weightless_norms,
    )
    config.ignore("pad_vocab_size_multiple")
    return _without_mlp(config, mixer)


def falcon_mamba(config: Config) -> ModelShape:
    """Zuo et al. 2024, arXiv:2410.05355; transformers modeling_falcon_mamba.py: norms without weights inside."""
    return mamba(config, weightless_norms=True)


def mamba2(config: Config) -> ModelShape:
    """Dao and Gu 2024, arXiv:2405.21060; transformers modeling_mamba2.py."""
    heads, head_dim = config.wholes("num_heads", "head_dim")
    d_inner = config.whole("expand") * config.whole("hidden_size")
    if heads * head_dim != d_inner:
        raise config.error(
            "num_heads", f"{heads} × head_dim {head_dim} is not {d_inner}, expand × hidden_size", "check the file"
        )
    bias = config.flag("use_bias")
    mixer = Mamba2(
        heads,
        head_dim,
        config.whole("n_groups"),
        config.whole("state_size"),
        config.whole("conv_kernel"),
        conv_bias=config.flag("use_conv_bias"),
        in_bias=bias,
        out_bias=bias,
    )
    config.ignore("time_step_rank", "chunk_size", "intermediate_size")
    config.must_be("rms_norm", True)
    return _without_mlp(config, mixer)


def _without_mlp(config: Config, mixer: Mamba | Mamba2) -> ModelShape:
    count = num_hidden_layers(config)
    config.must_be("d_model", config.whole("hidden_size"))  # older names: they may repeat, not replace
    config.must_be("n_layer", count)
    config.must_be("ssm_cfg", {})
    groups = stack(config, mixer, None, ("norm",))
    return decoder(config, groups, max_position_embeddings=config.whole("max_position_embeddings", NO_LIMIT))


_MAMBA = {
    "vocab_size": 50280, "hidden_size": 768, "state_size": 16, "num_hidden_layers": 32, "expand": 2, "conv_kernel": 4,
    "use_bias": False, "use_conv_bias": True, "time_step_rank": "auto", "tie_word_embeddings": True,
}  # fmt: skip

FAMILIES = (
    Family("mamba", mamba, _MAMBA),
    Family("falcon_mamba", falcon_mamba, _MAMBA),
    Family("mamba2", mamba2, {
        "num_heads": 128, "head_dim": 64, "vocab_size": 32768, "hidden_size": 4096, "state_size": 128,
        "num_hidden_layers": 64, "expand": 2, "conv_kernel": 4, "n_groups": 8, "use_bias": False,
        "use_conv_bias": True, "tie_word_embeddings": False,
    }),
)  # fmt: skip
