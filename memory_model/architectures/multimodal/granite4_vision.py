"""Granite 4 Vision: features of several layers of the tower, each through a Q-Former of its own, into several layers."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..llama import LLAMA, llama
from .parts import Counted, beside, text_section, weight
from .vision_towers import vision_tower

SPATIAL = 4
"""Projectors beside those of `deepstack_layer_map`: one for each corner of a square of patches."""


def granite4_vision(config: Config) -> ModelShape:
    """IBM 2026; transformers modeling_granite4_vision.py."""
    config.ignore("vision_feature_layer", "spatial_vision_layer", "spatial_target_layers", "image_seq_length")
    text = text_section(config, TEXT, tied=False)
    vision, tensors = vision_tower(config, "clip_vision_model")
    former = config.section("qformer_config", QFORMER) or Config(QFORMER_ALONE, config.where, QFORMER)
    pairs = config.raw("deepstack_layer_map")
    if not isinstance(pairs, (list, tuple)):
        raise config.error("deepstack_layer_map", "expected pairs of layers", "add the key from the model's own file")
    width, hidden_size = vision.whole("hidden_size"), text.whole("hidden_size")
    projectors = chain(_projector(config, width, hidden_size), q_former(former, width, width))
    several = ((copies * (len(pairs) + SPATIAL), tensor) for copies, tensor in projectors)
    newline = weight("image_newline", hidden_size)
    return beside(llama, text, vision, former, vision=chain(tensors, newline, several))


def _projector(config: Config, width: int, hidden_size: int) -> Counted:
    """Learned queries that read a window of patches: `downsample_rate` is their sides, such as 4/8."""
    sides = config.text("downsample_rate").split("/")
    if len(sides) != 2 or not all(side.isdecimal() and 0 < int(side) < 1000 for side in sides):
        raise config.error("downsample_rate", "expected two sides, such as '4/8'", "add the key from the model's file")
    query, window = int(sides[0]), int(sides[1])
    yield from weight("projector.norm", width, bias=True)
    yield from weight("projector.query", query * query, width)
    yield from weight("projector.image_positions", window * window, width)
    yield from weight("projector.out_linear", hidden_size, width, bias=True)


def q_former(config: Config, width: int, read: int, *, normed: bool = True) -> Counted:
    """Li et al. 2023, arXiv:2301.12597; modeling_blip_2.py: cross-attention to `read` values in some layers.

    `normed`: a norm before the first layer.
    """
    config.ignore(
        "hidden_size", "encoder_hidden_size", "num_attention_heads", "vocab_size", "model_type", "embedding_size",
        "chunk_size_feed_forward",
    )  # fmt: skip
    layers, mlp = config.whole("num_hidden_layers", most=1000), config.whole("intermediate_size")
    crossed = len(range(0, layers, config.whole("cross_attention_frequency")))
    for count, role, inside in ((layers, "attention", width), (crossed, "crossattention", read)):
        for part, columns in (("query", width), ("key", inside), ("value", inside), ("output", width)):
            yield from weight(f"qformer.{role}.{part}", width, columns, copies=count, bias=True)
        yield from weight(f"qformer.{role}.LayerNorm", width, copies=count, bias=True)
    for role in ("query", "text") if config.flag("use_qformer_text_input") else ("query",):
        yield from weight(f"qformer.intermediate_{role}", mlp, width, copies=layers, bias=True)
        yield from weight(f"qformer.output_{role}", width, mlp, copies=layers, bias=True)
        yield from weight(f"qformer.output_{role}.LayerNorm", width, copies=layers, bias=True)
    if normed:
        yield from weight("qformer.layernorm", width, bias=True)


TEXT = LLAMA | {"model_type": "granite4_vision_text"}
QFORMER = {"num_hidden_layers": 12, "intermediate_size": 3072, "cross_attention_frequency": 2}
QFORMER_ALONE = {"num_hidden_layers": 1, "cross_attention_frequency": 1}
"""What a file without the section means."""

FAMILIES = (
    Family("granite4_vision", granite4_vision, {}),
    Family("granite4_vision_text", llama, TEXT),
)
