"""Readers of documents: LightOnOCR with Pixtral's tower, PaddleOCR-VL with SigLIP's and a small ERNIE."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..llama_variants import ernie4_5
from .encoder_layers import projector, siglip_blocks, siglip_positions
from .language_models import language_model, with_towers
from .parts import Counted, beside, required, text_or_flat, weight
from .vision_towers import vision_tower


def lighton_ocr(config: Config) -> ModelShape:
    """LightOn 2025; transformers modeling_lighton_ocr.py: Mistral Small 3.1's projector, Qwen3."""
    text = language_model(config, "qwen3", tied=True)
    vision, tensors = vision_tower(config, "pixtral")
    width, hidden_size = vision.whole("hidden_size"), text.whole("hidden_size")
    merged = width * config.whole("spatial_merge_size", 2) ** 2
    projection = chain(
        weight("projection.norm", width),
        weight("projection.merging_layer", width, merged),
        weight("projection.linear_1", hidden_size, width),
        weight("projection.linear_2", hidden_size, hidden_size),
    )
    return with_towers(text, vision, vision=chain(tensors, projection))


def paddleocr_vl(config: Config) -> ModelShape:
    """Baidu 2025, arXiv:2510.14528; transformers modeling_paddleocr_vl.py."""
    text = text_or_flat(config, PADDLE_TEXT, tied=True)
    vision = required(config, "vision_config", PADDLE_VISION)
    return beside(ernie4_5, text, vision, vision=_paddle_vision(vision, text.whole("hidden_size")))


def _paddle_vision(config: Config, hidden_size: int) -> Counted:
    """SigLIP's encoder with rotary positions beside the learned ones; squares of patches through two matrices."""
    config.ignore("temporal_patch_size", "tokens_per_second", "num_position_embeddings")
    width = config.whole("hidden_size")
    merged = width * config.whole("spatial_merge_size") ** 2
    yield from siglip_positions(config)
    yield from siglip_blocks(config)
    yield from weight("projector.pre_norm", width, bias=True)
    yield from projector(merged, merged, hidden_size)


PADDLE_TEXT = {
    "model_type": "paddleocr_vl_text", "vocab_size": 103424, "hidden_size": 1024, "intermediate_size": 3072,
    "num_hidden_layers": 18, "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 128,
    "max_position_embeddings": 131072, "use_bias": False, "tie_word_embeddings": True,
}  # fmt: skip
PADDLE_VISION = {
    "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16,
    "num_channels": 3, "image_size": 384, "patch_size": 14, "spatial_merge_size": 2,
}  # fmt: skip

FAMILIES = (
    Family("lighton_ocr", lighton_ocr, {}),
    Family("paddleocr_vl", paddleocr_vl, {}),
    Family("paddleocr_vl_text", ernie4_5, PADDLE_TEXT),
)
