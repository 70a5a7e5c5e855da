"""BLIP-2 and InstructBLIP: learned queries read an image, and stand in front of the text as its first tokens."""

from __future__ import annotations

from itertools import chain
from typing import Any

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from .encoder_layers import blocks, grid, heads, patches
from .granite4_vision import QFORMER, q_former
from .language_models import language_model, with_towers
from .parts import Counted, required, weight


def blip_2(config: Config) -> ModelShape:
    """Li et al. 2023, arXiv:2301.12597; transformers modeling_blip_2.py, with language models of a decoder alone."""
    return _blip(config, QUERIES)


def instructblip(config: Config) -> ModelShape:
    """Dai et al. 2023, arXiv:2305.06500; transformers modeling_instructblip.py: the queries read the question too."""
    return _blip(config, QUERIES | {"use_qformer_text_input": True})


def _blip(config: Config, queries: dict[str, Any]) -> ModelShape:
    config.ignore("image_text_hidden_size", "initializer_factor", "use_decoder_only_language_model", "num_video_frames")
    text = language_model(config, "opt", known=("opt", "llama"), either=True)
    vision, former = required(config, "vision_config", VISION), required(config, "qformer_config", queries)
    width, read = former.whole("hidden_size"), vision.whole("hidden_size")
    former.must_be("encoder_hidden_size", read)
    reads_words = bool(queries["use_qformer_text_input"])
    reading = chain(
        weight("query_tokens", config.whole("num_query_tokens", 32), width),
        _words(former, width) if reads_words else (),
        q_former(former, width, read, normed=not reads_words),
        weight("language_projection", text.whole("hidden_size"), width, bias=True),
    )
    return with_towers(text, vision, former, vision=chain(_encoder(vision, read), reading))


def _words(config: Config, width: int) -> Counted:
    yield from weight("qformer.word_embeddings", config.whole("vocab_size"), width)
    yield from weight("qformer.position_embeddings", config.whole("max_position_embeddings"), width)
    yield from weight("qformer.embeddings.layernorm", width, bias=True)


def _encoder(config: Config, width: int) -> Counted:
    """EVA-CLIP (Fang et al. 2022, arXiv:2211.07636): a class token and a position for each patch."""
    heads(config, width)
    yield from weight("class_embedding", width)
    yield from weight("position_embedding", grid(config) + 1, width)
    yield from patches(config, width, bias=True)
    yield from blocks(
        config.whole("num_hidden_layers"), width, config.whole("intermediate_size"), qkv_bias=config.flag("qkv_bias")
    )
    yield from weight("post_layernorm", width, bias=True)


VISION = {
    "hidden_size": 1408, "intermediate_size": 6144, "num_hidden_layers": 39, "num_attention_heads": 16,
    "num_channels": 3, "image_size": 224, "patch_size": 14, "qkv_bias": True,
}  # fmt: skip
QUERIES = QFORMER | {
    "hidden_size": 768, "encoder_hidden_size": 1408, "cross_attention_frequency": 2, "vocab_size": 30522,
    "max_position_embeddings": 512, "use_qformer_text_input": False,
}  # fmt: skip

FAMILIES = (
    Family("blip-2", blip_2, {}),
    Family("instructblip", instructblip, {}),
    Family("instructblipvideo", instructblip, {}),
)
