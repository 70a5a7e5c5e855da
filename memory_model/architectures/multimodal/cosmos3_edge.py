"""Cosmos3 Edge: SigLIP 2's tower, squares of patches through two wide matrices, an ungated language model."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..llama_variants import arcee
from .parts import beside, required, text_section, weight
from .siglip import SIGLIP2, siglip2_tensors


def cosmos3_edge(config: Config) -> ModelShape:
    """NVIDIA 2026; transformers modeling_cosmos3_edge.py: what makes images and actions is not loaded."""
    text, vision = text_section(config, TEXT, tied=False), required(config, "vision_config", VISION)
    text.must_be("tie_word_embeddings", False)
    wide, hidden_size = config.whole("projector_hidden_size", 11520), text.whole("hidden_size")
    width = vision.whole("hidden_size")
    merger = chain(
        weight("merger.norm", width, bias=True),
        weight("merger.linear_fc1", wide, width * vision.whole("spatial_merge_size") ** 2, bias=True),
        weight("merger.linear_fc2", hidden_size, wide, bias=True),
    )
    return beside(arcee, text, vision, vision=chain(siglip2_tensors(vision), merger))


TEXT = {
    "model_type": "cosmos3_edge_text", "vocab_size": 131072, "hidden_size": 2048, "intermediate_size": 9216,
    "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
    "max_position_embeddings": 131072, "tie_word_embeddings": False,
}  # fmt: skip
VISION = SIGLIP2 | {
    "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16,
    "spatial_merge_size": 2, "vision_use_head": False,
}  # fmt: skip

FAMILIES = (Family("cosmos3_edge", cosmos3_edge, {}),)
