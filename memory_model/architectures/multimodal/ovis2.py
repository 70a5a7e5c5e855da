"""Ovis 2: patches become probabilities over visual words, which have an embedding table of their own."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from .encoder_layers import blocks, heads, siglip_positions
from .language_models import language_model, with_towers
from .parts import Counted, required, weight

AIMV2 = {
    "hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 24, "num_attention_heads": 8,
    "num_channels": 3, "image_size": 224, "patch_size": 14, "vocab_size": 16384, "hidden_stride": 1,
    "num_visual_indicator_tokens": 5,
}  # fmt: skip


def ovis2(config: Config) -> ModelShape:
    """Lu et al. 2024, arXiv:2405.20797; transformers modeling_ovis2.py.

    An output matrix of its own has the widths beside the sections: they have to be those of the language model.
    """
    text = language_model(config, "qwen2", tied=True)
    vision = required(config, "vision_config", AIMV2)
    hidden_size, vocab_size = config.whole("hidden_size", 1536), config.whole("vocab_size", 151643)
    if not text.flag("tie_word_embeddings"):
        for key, stated in (("hidden_size", hidden_size), ("vocab_size", vocab_size)):
            if stated != text.whole(key):
                raise config.error(
                    key, f"{stated:,} differs from {text.whole(key):,} of the language model", "check the file"
                )
    table = weight("visual_embeddings_table", vision.whole("vocab_size"), hidden_size)
    return with_towers(text, vision, vision=chain(_aimv2(vision), table))


def _aimv2(config: Config) -> Counted:
    """AIMv2 (Fini et al. 2024, arXiv:2411.14402): RMSNorms and gated MLPs; a head over the visual words."""
    width = config.whole("hidden_size")
    heads(config, width)
    bias = config.flag("qkv_bias")
    yield from siglip_positions(config)
    yield from weight("embeddings.rms_norm rms_norm", width)
    yield from blocks(
        config.whole("num_hidden_layers"),
        width,
        config.whole("intermediate_size"),
        qkv_bias=bias,
        out_bias=bias,
        mlp_bias=config.flag("mlp_bias"),
        norm_bias=False,
        gated=True,
    )
    words = config.whole("vocab_size") - config.whole("num_visual_indicator_tokens", least=0)
    if words < 1:
        raise config.error("vocab_size", "leaves no visual words", "check the file against its source")
    yield from weight("head_linear", words, width * config.whole("hidden_stride") ** 2)
    yield from weight("head_norm", words, bias=True)


FAMILIES = (Family("ovis2", ovis2, {}),)
