"""Nemotron-NAS (DeciLM): Llama layers that a search has thinned, each with its own KV heads and MLP width, or none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..blocks.attention import Attention
from ..blocks.linear import LinearMixer, LinearMlp
from ..blocks.mlp import DenseMlp
from ..model_shape import LayerGroup, ModelShape
from ..tensors import Mixer, Mlp
from .config import Config
from .decoder import decoder, grouped, layer, num_hidden_layers
from .family import Family
from .llama import NORMS


def nemotron_nas(config: Config) -> ModelShape:
    """Bercovich et al. 2024, arXiv:2411.19146; modeling_decilm.py beside the checkpoints.

    `block_configs` has for every layer `n_heads_in_group` and `ffn_mult`; `no_op` leaves a half of the layer out with
    its norm, `replace_with_linear` puts one matrix in its place.
    """
    count, hidden_size = num_hidden_layers(config), config.whole("hidden_size")
    blocks = config.raw("block_configs")
    if not isinstance(blocks, list) or len(blocks) != count:
        raise config.error("block_configs", f"expected a list of {count} entries, one a layer", "check the file")
    config.ignore("num_key_value_heads", "intermediate_size")
    halves = [(_mixer(config, i, block), _mlp(config, i, block)) for i, block in enumerate(blocks)]

    def build(index: int) -> LayerGroup:
        mixer, mlp = halves[index]
        norms = [role for role, half in zip(NORMS, (mixer, mlp)) if half is not None]
        return layer(mixer, mlp, norms, hidden_size)

    return decoder(config, grouped(halves, build))


def _half(config: Config, index: int, block: Any, name: str) -> Config:
    where = f"{config.where} › block_configs[{index}]"
    return Config(block if isinstance(block, Mapping) else {}, where).section(name) or Config({}, f"{where} › {name}")


def _mixer(config: Config, index: int, block: Any) -> Mixer | None:
    half = _half(config, index, block, "attention")
    hidden_size, heads = config.wholes("hidden_size", "num_attention_heads")
    bias = config.flag("attention_bias")
    if half.flag("no_op"):
        return None
    if half.flag("replace_with_linear"):
        return LinearMixer(bias)
    half.must_be("num_sink_tokens", 0)
    for key in ("sparsify", "mamba", "llama4"):
        half.must_be(key)
    width = config.whole("head_dim", hidden_size // heads)
    kv_heads = heads // half.whole("n_heads_in_group")
    return Attention(
        heads, kv_heads, width, width, width, window=half.optional("window_length"), qkv_bias=bias, o_bias=bias
    )


def _mlp(config: Config, index: int, block: Any) -> Mlp | None:
    half = _half(config, index, block, "ffn")
    if half.flag("no_op"):
        return None
    if half.flag("replace_with_linear"):
        return LinearMlp(config.flag("mlp_bias"))
    for key in ("sparsify", "moe"):
        half.must_be(key)
    multiple = half.raw("ffn_mult")
    if isinstance(multiple, bool) or not isinstance(multiple, (int, float)) or not 0 < multiple < 1000:
        raise half.error("ffn_mult", f"expected a number above 0, got {multiple!r}", "check the file")
    width = int(2 * multiple * config.whole("hidden_size") / 3)
    return DenseMlp(-(-width // 256) * 256, bias=config.flag("mlp_bias"))


FAMILIES = (
    Family("nemotron-nas", nemotron_nas, {
        "vocab_size": 32000, "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "max_position_embeddings": 2048, "tie_word_embeddings": False,
    }),
)  # fmt: skip
