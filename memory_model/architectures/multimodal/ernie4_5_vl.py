"""ERNIE 4.5 VL: every layer has experts for text and others for images."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from ...blocks.mlp import MixtureOfExperts
from ...model_shape import ModelShape, Tower
from ..config import Config
from ..decoder import attention, decoder, routed, sparse_layers, stack
from ..family import Family
from ..llama import NORMS
from .encoder_layers import blocks, heads
from .parts import Counted, beside, required, text_section, weight


def ernie4_5_vl_moe(config: Config) -> ModelShape:
    """Baidu 2025; transformers modeling_ernie4_5_vl_moe.py."""
    text, vision = text_section(config, TEXT, tied=True), required(config, "vision_config", VISION)
    tower = chain(_vision(vision), _resampler(vision, text.whole("hidden_size")))
    return beside(ernie4_5_vl_moe_text, text, vision, vision=tower)


def ernie4_5_vl_moe_text(config: Config) -> ModelShape:
    """Text passes its own experts alone; those of images are a part beside them."""
    config.must_be("use_bias", False)
    config.ignore("moe_layer_interval", "moe_layer_start_index", "moe_layer_end_index", "moe_norm_min", "moe_capacity")
    hidden_size = config.whole("hidden_size")
    widths = config.whole_list("moe_intermediate_size")
    if len(widths) != 2 or not all(widths):
        raise config.error("moe_intermediate_size", "expected two widths: of text, of images", "check the file")
    sparse = sparse_layers(config, lambda i: i > 0)
    shared = widths[0] * config.whole("moe_num_shared_experts", least=0)
    text = MixtureOfExperts(
        config.whole(config.spelled("moe_num_experts", "num_experts")),
        config.whole(config.spelled("moe_k", "num_experts_per_tok")),
        widths[0],
        shared_intermediate_size=shared,
        correction_bias=True,
        correction_counted=True,
        router_pinned="fp32",
    )
    mlps = routed(config, text, sparse)
    shape = decoder(config, stack(config, attention(config), mlps, NORMS))
    images = replace(text, moe_intermediate_size=widths[1], shared_intermediate_size=0)
    experts = tuple((sum(sparse), tensor) for tensor in images.tensors(hidden_size))
    return replace(shape, towers=(Tower("experts of images", experts),) if any(sparse) else ())


def _vision(config: Config) -> Counted:
    """Qwen2-VL's layers, a norm behind them, no merging inside."""
    width = config.whole("hidden_size")
    heads(config, width, "num_heads")
    yield from weight("patch_embed", width, config.whole("in_channels") * config.whole("patch_size") ** 2)
    yield from blocks(config.whole("depth"), width, config.whole("intermediate_size"))
    yield from weight("ln", width, bias=True)


def _resampler(config: Config, hidden_size: int) -> Counted:
    """Squares of patches become one token, then pairs of frames."""
    merged = config.whole("hidden_size") * config.whole("spatial_merge_size") ** 2
    for name, inside in (("spatial", merged), ("temporal", merged * config.whole("temporal_merge_size"))):
        yield from weight(f"{name}_linear.fc1", merged, inside, bias=True)
        yield from weight(f"{name}_linear.fc2", merged, merged, bias=True)
        yield from weight(f"{name}_linear.ln", merged, bias=True)
    yield from weight("resampler.mlp", hidden_size, merged, bias=True)
    yield from weight("resampler.after_norm", hidden_size)


TEXT = {
    "model_type": "ernie4_5_vl_moe_text", "vocab_size": 103424, "hidden_size": 2560, "intermediate_size": 12288,
    "num_hidden_layers": 28, "num_attention_heads": 20, "num_key_value_heads": 4, "max_position_embeddings": 131072,
    "tie_word_embeddings": True, "moe_intermediate_size": (1536, 512), "moe_k": 6, "moe_num_experts": 64,
    "moe_num_shared_experts": 2,
}  # fmt: skip
VISION = {
    "depth": 32, "hidden_size": 1280, "intermediate_size": 5120, "num_heads": 16, "in_channels": 3, "patch_size": 14,
    "spatial_merge_size": 2, "temporal_merge_size": 2,
}  # fmt: skip

FAMILIES = (
    Family("ernie4_5_vl_moe", ernie4_5_vl_moe, {}),
    Family("ernie4_5_vl_moe_text", ernie4_5_vl_moe_text, TEXT),
)
