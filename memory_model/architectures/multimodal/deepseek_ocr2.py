"""DeepSeek-OCR 2: Segment Anything's tower, a language model that orders what it saw, and experts behind attention."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..decoder import attention, decoder, mixture, routed, sparse_layers, stack
from ..family import Family
from ..llama import LLAMA, NORMS, qwen2
from .parts import Counted, beside, required, text_section, weight
from .sam_vision import SAM, sam_encoder

QUERIES = 144 + 256
"""Learned queries, for tiles of 768 pixels and for the whole image of 1,024."""


def deepseek_ocr2(config: Config) -> ModelShape:
    """Wei et al. 2026, arXiv:2601.20552; transformers modeling_deepseek_ocr2.py."""
    text = text_section(config, TEXT)
    vision = required(config, "vision_config", {})
    seen, ordered = required(vision, "sam_config", SAM), required(vision, "encoder_config", ENCODER)
    ordered.ignore("vocab_size")
    encoder = qwen2(ordered)
    width, hidden_size = ordered.whole("hidden_size"), text.whole("hidden_size")
    behind = chain(
        weight("query_embedding", QUERIES, width),
        weight("projector.linear", hidden_size, width, bias=True),
        weight("view_separator", hidden_size),
    )
    tower = chain(sam_encoder(seen), _shortened(seen), _layers(encoder), behind)
    return beside(deepseek_ocr2_text, text, seen, ordered, vision, vision=tower)


def deepseek_ocr2_text(config: Config) -> ModelShape:
    """DeepSeek-V2's experts over plain attention, whose heads always share the width."""
    config.ignore("n_group", "topk_group", "topk_method")
    config.must_be("head_dim", None, config.whole("hidden_size") // config.whole("num_attention_heads"))
    config.must_be("mlp_bias", False)
    sparse = sparse_layers(config, lambda _: True)
    if config.raw("mlp_layer_types") is None:
        raise config.error("mlp_layer_types", "missing", "add the list from the model's own config.json")
    moe = mixture(config, "n_routed_experts", shared=config.whole("n_shared_experts"))
    mixer = attention(config, bias=config.flag("attention_bias"))
    return decoder(config, stack(config, mixer, routed(config, moe, sparse), NORMS))


def _shortened(config: Config) -> Counted:
    """Two convolutions behind the neck, which halve each axis; the first knows the neck's channels."""
    channels = (config.whole("output_channels"), *(config.whole_list("downsample_channels") or (512, 896)))
    if len(channels) != 3:
        raise config.error(
            "downsample_channels", f"{len(channels) - 1} widths", "state the two of the model's own file"
        )
    yield from weight("proj.conv1", channels[1], 9 * channels[0])
    yield from weight("proj.conv2", channels[2], 9 * channels[1])


def _layers(shape: ModelShape) -> Counted:
    """A language model's layers as a part of the tower, which is never given tokens."""
    for layers, tensor in shape.tensors("text"):
        if tensor.part in ("embedding", "head"):
            continue
        yield len(layers), replace(tensor, part="")


TEXT = LLAMA | {
    "model_type": "deepseek_ocr2_text", "vocab_size": 102400, "n_routed_experts": 64, "n_shared_experts": 2,
    "moe_intermediate_size": 1407,
}  # fmt: skip
ENCODER = LLAMA | {
    "vocab_size": 151936, "intermediate_size": 22016, "num_key_value_heads": 32, "max_position_embeddings": 32768,
    "use_sliding_window": False, "max_window_layers": 28,
}  # fmt: skip

FAMILIES = (Family("deepseek_ocr2", deepseek_ocr2, {}), Family("deepseek_ocr2_text", deepseek_ocr2_text, TEXT))
