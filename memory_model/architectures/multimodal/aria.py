"""Aria: Idefics 3's tower, learned queries that read its patches, a language model of experts."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from ...blocks.mlp import MixtureOfExperts
from ...model_shape import ModelShape
from ..config import LARGEST, Config
from ..decoder import attention, decoder, stack
from ..family import Family
from ..llama import NORMS
from .idefics import VISION3, encoder
from .parts import Counted, beside, required, text_section, weight


def aria(config: Config) -> ModelShape:
    """Li et al. 2024, arXiv:2410.05993; transformers modeling_aria.py."""
    config.ignore("vision_feature_layer", "max_value_projector_patch_to_query_dict")
    text = text_section(config, TEXT, tied=False)
    vision = required(config, "vision_config", VISION3)
    vision.must_be("model_type", "idefics3_vision")
    projector = _projector(vision.whole("hidden_size"), text.whole("hidden_size"), _queries(config))
    return beside(aria_text, text, vision, vision=chain(encoder(vision), projector))


def aria_text(config: Config) -> ModelShape:
    """Experts of `intermediate_size`, the shared ones as one MLP."""
    config.must_be("mlp_bias", False)
    width = config.whole("intermediate_size")
    moe = MixtureOfExperts(
        config.whole("moe_num_experts"),
        config.whole("moe_topk"),
        width,
        shared_intermediate_size=width * config.whole("moe_num_shared_experts"),
    )
    return decoder(config, stack(config, attention(config, bias=config.flag("attention_bias")), moe, NORMS))


def _queries(config: Config) -> int:
    """The most queries that any size of an image takes."""
    stated = config.raw("projector_patch_to_query_dict")
    if stated is None:
        return 256
    counts = list(stated.values()) if isinstance(stated, Mapping) else []
    if not counts or any(type(count) is not int or not 0 < count <= LARGEST for count in counts):
        raise config.error("projector_patch_to_query_dict", "expected whole numbers", "check the file")
    return int(max(counts))


def _projector(width: int, hidden_size: int, queries: int) -> Counted:
    """AriaProjector: projections, and torch's attention with projections of its own."""
    yield from weight("projector.query", queries, width)
    yield from weight("projector.q_proj projector.k_proj projector.v_proj", width, width)
    yield from weight("projector.in_proj", 3 * width, width, bias=True)
    yield from weight("projector.out_proj projector.linear", width, width, bias=True)
    yield from weight(
        "projector.cross_attn.layer_norm projector.cross_attn.layer_norm_kv projector.layer_norm", width, bias=True
    )
    yield from weight("projector.linear_in", hidden_size, width)
    yield from weight("projector.linear_out", hidden_size, hidden_size)


TEXT = {
    "model_type": "aria_text", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 4096,
    "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 2048,
    "tie_word_embeddings": False, "moe_num_experts": 8, "moe_topk": 2, "moe_num_shared_experts": 2,
}  # fmt: skip

FAMILIES = (
    Family("aria", aria, {}),
    Family("aria_text", aria_text, TEXT),
)
