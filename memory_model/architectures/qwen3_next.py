"""Qwen3-Next and Qwen3.5: gated DeltaNet in three layers of four, gated attention in the fourth."""

from __future__ import annotations

from collections.abc import Sequence

from ..blocks.delta_net import GatedDeltaNet
from ..blocks.mlp import DenseMlp, MixtureOfExperts
from ..model_shape import ModelShape
from ..tensors import Mlp
from .config import Config
from .decoder import attention, decoder, mixture, num_hidden_layers, stack
from .family import Family
from .hybrid import RECURRENT_OR_FULL, block_kinds
from .llama import NORMS, every_step


def qwen3_next(config: Config) -> ModelShape:
    """Qwen Team 2025; transformers modeling_qwen3_next.py: experts in every `decoder_sparse_step`-th layer."""
    if not config.whole("num_experts", least=0):
        config.ignore("decoder_sparse_step", "mlp_only_layers")
        return _hybrid(config, _dense(config), "fused")
    return _hybrid(config, every_step(config, experts(config), config.whole_list("mlp_only_layers")), "fused")


def qwen3_5_text(config: Config) -> ModelShape:
    """Qwen Team 2026; transformers modeling_qwen3_5.py."""
    return _hybrid(config, _dense(config), "split")


def qwen3_5_moe_text(config: Config) -> ModelShape:
    """Qwen Team 2026; transformers modeling_qwen3_5_moe.py: experts in every layer."""
    return _hybrid(config, experts(config), "split")


def _hybrid(config: Config, mlps: Mlp | Sequence[Mlp], layout: str) -> ModelShape:
    config.must_be("attn_output_gate", True)
    config.ignore(
        "mamba_ssm_dtype", "mtp_num_hidden_layers", "mtp_use_dedicated_embeddings", "num_nextn_predict_layers",
        "mlp_only_layers", "intermediate_size", "num_experts_per_tok", "moe_intermediate_size",
        "shared_expert_intermediate_size",
    )  # fmt: skip
    full = attention(config, bias=config.flag("attention_bias"), qk_norm="head", output_gate=True)
    recurrent = delta_net(config, layout)
    count, interval = num_hidden_layers(config), config.whole("full_attention_interval")
    kinds = block_kinds(config, count, "layer_types") or tuple(
        RECURRENT_OR_FULL[(i + 1) % interval == 0] for i in range(count)
    )
    mixers = [full if kind == "full_attention" else recurrent for kind in kinds]
    return decoder(config, stack(config, mixers, mlps, NORMS))


def delta_net(config: Config, layout: str = "split") -> GatedDeltaNet:
    """Linear attention of the sizes that keys of these names state."""
    key_heads, value_heads = config.wholes("linear_num_key_heads", "linear_num_value_heads")
    if value_heads % key_heads:
        raise config.error(
            "linear_num_value_heads", f"{key_heads} key heads do not divide {value_heads}", "check the file"
        )
    return GatedDeltaNet(
        key_heads,
        value_heads,
        config.whole("linear_key_head_dim"),
        config.whole("linear_value_head_dim"),
        config.whole("linear_conv_kernel_dim"),
        layout,
    )


def _dense(config: Config) -> DenseMlp:
    return DenseMlp(config.whole("intermediate_size"))


def experts(config: Config) -> MixtureOfExperts:
    """Routed experts, and one that every token passes through a gate."""
    return mixture(
        config,
        "num_experts",
        shared_intermediate_size=config.whole("shared_expert_intermediate_size"),
        shared_gate=True,
    )


_DELTA_NET = {
    "head_dim": 256, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
    "linear_num_key_heads": 16, "linear_num_value_heads": 32, "full_attention_interval": 4,
    "max_position_embeddings": 32768, "tie_word_embeddings": False, "partial_rotary_factor": 0.25,
}  # fmt: skip
_EXPERTS = {
    "hidden_size": 2048, "num_attention_heads": 16, "num_key_value_heads": 2, "moe_intermediate_size": 512,
    "shared_expert_intermediate_size": 512,
}  # fmt: skip
QWEN3_5 = _DELTA_NET | {
    "model_type": "qwen3_5_text", "vocab_size": 248320, "hidden_size": 4096, "intermediate_size": 12288,
    "num_hidden_layers": 32, "num_attention_heads": 16, "num_key_value_heads": 4,
}  # fmt: skip
QWEN3_5_MOE = (
    _DELTA_NET
    | _EXPERTS
    | {
        "model_type": "qwen3_5_moe_text",
        "vocab_size": 248320,
        "num_hidden_layers": 40,
        "num_experts": 256,
        "num_experts_per_tok": 8,
    }
)

FAMILIES = (
    Family("qwen3_next", qwen3_next, _DELTA_NET
        | _EXPERTS | {
        "vocab_size": 151936, "intermediate_size": 5632, "num_hidden_layers": 48, "num_experts": 512,
        "num_experts_per_tok": 10, "decoder_sparse_step": 1,
    }),
    Family("qwen3_5_text", qwen3_5_text, QWEN3_5),
    Family("qwen3_5_moe_text", qwen3_5_moe_text, QWEN3_5_MOE),
)  # fmt: skip
