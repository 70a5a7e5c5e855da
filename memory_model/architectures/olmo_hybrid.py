"""OLMo Hybrid: gated DeltaNet in three layers of four, OLMo's attention in the fourth."""

from __future__ import annotations

from ..blocks.delta_net import GatedDeltaNet
from ..blocks.mlp import DenseMlp
from ..model_shape import LayerGroup, ModelShape
from .config import Config
from .decoder import attention, decoder, grouped, layer, num_hidden_layers
from .family import Family
from .hybrid import block_kinds
from .llama import NORMS, POST_NORMS


def olmo_hybrid(config: Config) -> ModelShape:
    """Ai2 2026; transformers modeling_olmo_hybrid.py: norms before DeltaNet, but after attention."""
    width, heads = config.wholes("hidden_size", "num_attention_heads")
    key_heads = config.whole("linear_num_key_heads", heads)
    key_head_dim = config.whole("linear_key_head_dim", int(0.75 * width / key_heads))
    recurrent = GatedDeltaNet(
        key_heads,
        config.whole("linear_num_value_heads", heads),
        key_head_dim,
        config.whole("linear_value_head_dim", 2 * key_head_dim),
        config.whole("linear_conv_kernel_dim"),
        "separate",
    )
    full = attention(config, bias=config.flag("attention_bias"), qk_norm="full", **_rotation(config))
    mlp = DenseMlp(config.whole("intermediate_size"))
    config.ignore("linear_a_log_min", "linear_a_log_max", "linear_dt_min", "linear_dt_max", "linear_dt_init_floor")
    kinds = block_kinds(config, num_hidden_layers(config), "layer_types") or _default_kinds(num_hidden_layers(config))

    def of_kind(index: int) -> LayerGroup:
        if kinds[index] == "full_attention":
            return layer(full, mlp, POST_NORMS, width)
        return layer(recurrent, mlp, NORMS, width)

    return decoder(config, grouped(kinds, of_kind))


def _rotation(config: Config) -> dict[str, int]:
    """Released files set `rope_parameters` to null or its base to null: no positions at all."""
    rope = config.raw("rope_parameters")
    stated = "rope_parameters" in config.keys
    without = stated and (rope is None or (isinstance(rope, dict) and rope.get("rope_theta") is None))
    return {"rotary_dim": 0} if without else {}


def _default_kinds(count: int) -> tuple[str, ...]:
    """Every fourth layer attends, and the last one where there are fewer than four."""
    kinds = ["full_attention" if index % 4 == 3 else "linear_attention" for index in range(count)]
    if "full_attention" not in kinds:
        kinds[-1] = "full_attention"
    return tuple(kinds)


FAMILIES = (
    Family("olmo_hybrid", olmo_hybrid, {
        "vocab_size": 100352, "hidden_size": 3840, "intermediate_size": 11008, "num_hidden_layers": 32,
        "num_attention_heads": 30, "max_position_embeddings": 65536, "tie_word_embeddings": False,
        "linear_conv_kernel_dim": 4,
    }),
)  # fmt: skip
