"""Gemma 4 with its towers: a vision transformer of Gemma's own layout and, in the small sizes, a conformer for sound."""

from __future__ import annotations

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..gemma import NORMS
from ..gemma4 import TEXT, gemma4_text
from .gemma3n import conformer
from .parts import Counted, beside, required, text_section, weight

VISION = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 16, "num_attention_heads": 12,
    "num_key_value_heads": 12, "head_dim": 64, "patch_size": 16, "position_embedding_size": 10240,
}  # fmt: skip
AUDIO = {
    "hidden_size": 1024, "num_hidden_layers": 12, "num_attention_heads": 8, "subsampling_conv_channels": (128, 32),
    "conv_kernel_size": 5, "output_proj_dims": 1536,
}  # fmt: skip


def gemma4(config: Config) -> ModelShape:
    """Google 2026; transformers modeling_gemma4.py."""
    text, vision = text_section(config, TEXT), required(config, "vision_config", VISION)
    config.ignore("vision_soft_tokens_per_image", "audio_soft_tokens_per_image")
    hidden_size = text.whole("hidden_size")
    read, towers = [vision], {"vision": _vision(vision, hidden_size)}
    if (audio := config.section("audio_config", AUDIO)) is not None:
        read.append(audio)
        towers["audio"] = _audio(audio, hidden_size)
    return beside(gemma4_text, text, *read, **towers)


def _vision(config: Config, text_width: int) -> Counted:
    """Patches, a table of positions for rows and one for columns, gated MLPs, four norms, and the projection."""
    config.must_be("model_type", "gemma4_vision")
    config.must_be("attention_bias", False)
    config.ignore(
        "pooling_kernel_size", "global_head_dim", "standardize", "default_output_length", "max_position_embeddings"
    )
    width, mlp, layers = config.wholes("hidden_size", "intermediate_size", "num_hidden_layers")
    head = config.whole("head_dim")
    queries, keys = config.whole("num_attention_heads") * head, config.whole("num_key_value_heads") * head
    yield from weight("position_embedding", config.whole("position_embedding_size"), width, copies=2)
    yield from weight("patch_embedding", width, 3 * config.whole("patch_size") ** 2)
    yield from weight("q_proj", queries, width, copies=layers)
    yield from weight("k_proj v_proj", keys, width, copies=layers)
    yield from weight("o_proj", width, queries, copies=layers)
    yield from weight("q_norm k_norm", head, copies=layers)
    yield from weight("gate_proj up_proj", mlp, width, copies=layers)
    yield from weight("down_proj", width, mlp, copies=layers)
    yield from weight(" ".join(NORMS), width, copies=layers)
    yield from weight("embedding_projection", text_width, width)


def _audio(config: Config, text_width: int) -> Counted:
    """Two convolutions that halve the mel bins, conformer blocks, and two projections."""
    config.must_be("model_type", "gemma4_audio")
    config.ignore("residual_weight", "attention_chunk_size", "attention_context_left", "attention_context_right")
    config.ignore("attention_logit_cap", "attention_invalid_logits_value", "use_clipped_linears", "gradient_clipping")
    width, blocks, out = config.wholes("hidden_size", "num_hidden_layers", "output_proj_dims")
    channels = config.whole_list("subsampling_conv_channels", 2) or (128, 32)
    yield from weight("conv_0", channels[0], 9)
    yield from weight("conv_1", channels[1], channels[0] * 9)
    for index in (0, 1):
        yield from weight(f"conv_{index}.norm", channels[index])
    yield from weight("input_proj_linear", width, channels[0] // 4 * channels[1])
    yield from conformer(blocks, width, config.whole("num_attention_heads"), config.whole("conv_kernel_size"))
    yield from weight("output_proj", out, width, bias=True)
    yield from weight("embedding_projection", text_width, out)


FAMILIES = (Family("gemma4", gemma4, {}),)
