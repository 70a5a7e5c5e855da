"""Gemma 4 without towers: patches and sound are projected into the language model's width."""

from __future__ import annotations

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..gemma4 import gemma4_text
from .parts import Counted, beside, text_section, weight


def gemma4_unified(config: Config) -> ModelShape:
    """Google 2026; transformers modeling_gemma4_unified.py. Either of the two embedders may be left out."""
    text = text_section(config, TEXT, tied=True)
    config.ignore("vision_soft_tokens_per_image", "audio_soft_tokens_per_image")
    hidden_size, read, towers = text.whole("hidden_size"), [], {}
    if (vision := config.section("vision_config", VISION)) is not None:
        read.append(vision)
        towers["vision"] = _patches(vision, hidden_size)
    if (audio := config.section("audio_config", AUDIO)) is not None:
        audio.ignore("hidden_size", "output_proj_dims", "audio_samples_per_token")
        read.append(audio)
        towers["audio"] = weight("embedding_projection", hidden_size, audio.whole("audio_embed_dim"))
    return beside(gemma4_text, text, *read, **towers)


def _patches(config: Config, hidden_size: int) -> Counted:
    """Squares of pixels, a table of positions for rows and one for columns, three LayerNorms, two matrices."""
    config.ignore("model_patch_size", "num_soft_tokens")
    side = config.whole("patch_size") * config.whole("pooling_kernel_size")
    pixels, width = 3 * side * side, config.whole("mm_embed_dim")
    yield from weight("patch_ln1", pixels, bias=True)
    yield from weight("patch_dense", width, pixels, bias=True)
    yield from weight("patch_ln2 pos_norm", width, bias=True)
    yield from weight("pos_embedding", config.whole("mm_posemb_size"), width, copies=2)
    yield from weight("embedding_projection", hidden_size, config.whole("output_proj_dims"))


TEXT = {
    "model_type": "gemma4_unified_text", "vocab_size": 262144, "hidden_size": 2304, "intermediate_size": 9216,
    "num_hidden_layers": 30, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
    "max_position_embeddings": 262144, "tie_word_embeddings": True, "sliding_window": 1024,
}  # fmt: skip
VISION = {
    "patch_size": 16, "pooling_kernel_size": 3, "mm_embed_dim": 3840, "mm_posemb_size": 1120, "output_proj_dims": 3840,
}  # fmt: skip
AUDIO = {"audio_embed_dim": 640}

FAMILIES = (
    Family("gemma4_unified", gemma4_unified, {}),
    Family("gemma4_unified_text", gemma4_text, TEXT),
)
