"""Nemotron-H and Nemotron 3: every layer is one thing, Mamba-2, attention, an MLP or experts."""

from __future__ import annotations

from ..blocks.mamba2 import Mamba2
from ..blocks.mlp import DenseMlp, MixtureOfExperts
from ..model_shape import ModelShape
from ..tensors import Mixer, Mlp
from .config import MOST_LAYERS, Config
from .decoder import attention, decoder, mixture, stack
from .family import Family
from .hybrid import RECURRENT_OR_FULL, block_kinds

LETTERS = {"M": "linear_attention", "*": "full_attention", "-": "mlp", "E": "moe"}
DEFAULT_KINDS = ("linear_attention", "moe", "full_attention", "mlp")


def nemotron_h(config: Config) -> ModelShape:
    """NVIDIA 2025, arXiv:2504.03624 and arXiv:2512.20848; transformers modeling_nemotron_h.py.

    The number of layers is that of the pattern; multi-token prediction is in the checkpoint and not loaded.
    """
    config.must_be("sliding_window", None)
    config.ignore(*KNOWN)  # also those of kinds that the pattern does not use
    config.ignore(
        "num_hidden_layers", "expand", "mamba_expand", "chunk_size", "mamba_chunk_size", "mamba_proj_bias",
        "mamba_hidden_act", "mamba_ssm_cache_dtype", "num_logits_to_keep", "num_nextn_predict_layers",
        "mtp_hybrid_override_pattern", "mtp_layers_block_type", "moe_shared_expert_overlap", "n_shared_experts",
        "use_mamba_kernels", "mamba_n_groups", "mamba_d_conv", "mamba_conv_bias", "use_bias", "mamba_dt_min",
        "mamba_dt_max", "mamba_dt_limit", "mamba_dt_init_floor", "time_step_rank",
    )  # fmt: skip
    kinds = _kinds(config)
    blocks: dict[str, tuple[Mixer | None, Mlp | None]] = {}
    for kind in dict.fromkeys(kinds):
        if kind in RECURRENT_OR_FULL:
            blocks[kind] = _mamba2(config) if kind == "linear_attention" else _attention(config), None
        else:
            blocks[kind] = None, _experts(config) if kind == "moe" else _mlp(config)
    own = [blocks[kind] for kind in kinds]
    layers = stack(config, [mixer for mixer, _ in own], [mlp for _, mlp in own], ("norm",))
    return decoder(config.changed(tie_word_embeddings=False), layers)


def _kinds(config: Config) -> tuple[str, ...]:
    """The list of kinds, or the letters of `hybrid_override_pattern`."""
    pattern = config.text("hybrid_override_pattern")
    listed = config.raw(config.spelled("layers_block_type", "layer_types"))
    if isinstance(listed, (list, tuple)):
        return block_kinds(
            config, len(listed), "layers_block_type", "layer_types", choices=(*RECURRENT_OR_FULL, "mlp", "moe")
        )
    if not pattern:
        return DEFAULT_KINDS
    unknown = [letter for letter in pattern if letter not in LETTERS]
    if unknown or len(pattern) > MOST_LAYERS:
        raise config.error("hybrid_override_pattern", f"{unknown[:1]} is not understood", f"known: {' '.join(LETTERS)}")
    return tuple(LETTERS[letter] for letter in pattern)


def _mamba2(config: Config) -> Mamba2:
    bias = config.flag("use_bias")
    return Mamba2(
        config.whole("mamba_num_heads"),
        config.whole("mamba_head_dim"),
        config.whole("mamba_n_groups" if "mamba_n_groups" in config.keys else "n_groups"),
        config.whole("ssm_state_size"),
        config.whole("mamba_d_conv" if "mamba_d_conv" in config.keys else "conv_kernel"),
        conv_bias=config.flag("mamba_conv_bias" if "mamba_conv_bias" in config.keys else "use_conv_bias"),
        in_bias=bias,
        out_bias=bias,
    )


def _attention(config: Config) -> Mixer:
    stated = config.optional("attention_head_dim")
    if stated is not None and stated != config.whole("head_dim"):
        raise config.error("attention_head_dim", f"{stated} differs from head_dim", "state head_dim")
    config.must_be("attention_bias", False)
    return attention(config, rotary_dim=0)


def _mlp(config: Config) -> DenseMlp:
    return DenseMlp(config.whole("intermediate_size"), gated=False, bias=config.flag("mlp_bias"))


def _experts(config: Config) -> MixtureOfExperts:
    config.must_be("mlp_bias", False)
    return mixture(
        config,
        "n_routed_experts",
        "num_local_experts",
        shared_intermediate_size=config.whole("moe_shared_expert_intermediate_size"),
        correction_bias=True,
        gated=False,
        latent_size=config.optional("moe_latent_size") or 0,
    )


KNOWN = {
    "vocab_size": 131072, "hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
    "max_position_embeddings": 4096, "intermediate_size": 21504, "ssm_state_size": 128, "mamba_num_heads": 128,
    "mamba_head_dim": 64, "n_groups": 8, "conv_kernel": 4, "use_conv_bias": True, "n_routed_experts": 8,
    "moe_intermediate_size": 7688, "moe_shared_expert_intermediate_size": 7688, "num_experts_per_tok": 2,
    "moe_latent_size": None,
}  # fmt: skip

FAMILIES = (Family("nemotron_h", nemotron_h, KNOWN),)
