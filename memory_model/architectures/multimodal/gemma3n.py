"""Gemma 3n with its towers: MobileNetV5 for images, a conformer for sound."""

from __future__ import annotations

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..gemma3n import TEXT, gemma3n_text
from .parts import Counted, beside, required, text_section, weight

MOBILENET_V5_300M = 294_126_912
"""Parameters of timm's `mobilenetv5_300m_enc`: what the published checkpoint holds beyond all its other parts."""
VISION = {"architecture": "mobilenetv5_300m_enc", "hidden_size": 2048, "vocab_size": 128}
AUDIO = {
    "vocab_size": 128, "input_feat_size": 128, "hidden_size": 1536, "conf_num_attention_heads": 8,
    "conf_num_hidden_layers": 12, "conf_conv_kernel_size": 5, "sscp_conv_channel_size": (128, 32),
}  # fmt: skip


def gemma3n(config: Config) -> ModelShape:
    """Google 2025; transformers modeling_gemma3n.py."""
    text = text_section(config, TEXT)
    config.ignore("audio_soft_tokens_per_image", "vision_soft_tokens_per_image")
    vision, audio = required(config, "vision_config", VISION), required(config, "audio_config", AUDIO)
    hidden_size = text.whole("hidden_size")
    seen, heard = _vision(vision, hidden_size), _audio(audio, hidden_size)
    return beside(gemma3n_text, text, vision, audio, vision=seen, audio=heard)


def _vision(config: Config, text_width: int) -> Counted:
    """The convolutional tower as one, and its embedder."""
    config.must_be("architecture", "mobilenetv5_300m_enc")
    config.ignore("num_classes", "model_args", "vocab_offset")
    yield from weight("mobilenetv5", MOBILENET_V5_300M)
    yield from _embedder(config, text_width)


def _audio(config: Config, text_width: int) -> Counted:
    """Two convolutions, the conformer blocks, and the embedder."""
    for key, known in (("sscp_conv_kernel_size", [[3, 3], [3, 3]]), ("sscp_conv_stride_size", [[2, 2], [2, 2]])):
        config.must_be(key, known)
    config.ignore("conf_attention_chunk_size", "conf_attention_context_left", "conf_attention_context_right")
    config.ignore("conf_reduction_factor", "conf_residual_weight", "conf_positional_bias_size", "vocab_offset")
    config.ignore("conf_attention_logit_cap", "sscp_conv_eps", "sscp_conv_group_norm_eps")
    width, blocks = config.wholes("hidden_size", "conf_num_hidden_layers")
    channels = config.whole_list("sscp_conv_channel_size", 2) or (128, 32)
    heights = config.whole("input_feat_size")
    for _ in channels:
        heights = (heights - 1) // 2 + 1
    yield from weight("conv_0", channels[0], 9)
    yield from weight("conv_1", channels[1], channels[0] * 9)
    for index in (0, 1):
        yield from weight(f"conv_{index}.norm", channels[index])
    yield from weight("input_proj_linear", width, channels[1] * heights)
    yield from conformer(blocks, width, config.whole("conf_num_attention_heads"), config.whole("conf_conv_kernel_size"))
    yield from _embedder(config, text_width)


def conformer(blocks: int, width: int, heads: int, kernel: int) -> Counted:
    """Gulati et al. 2020, arXiv:2005.08100: two feed-forward halves around attention and a depthwise convolution."""
    for half in ("start", "end"):
        yield from weight(f"ffw_{half}.layer_1", 4 * width, width, copies=blocks)
        yield from weight(f"ffw_{half}.layer_2", width, 4 * width, copies=blocks)
        yield from weight(f"ffw_{half}.pre_layer_norm ffw_{half}.post_layer_norm", width, copies=blocks)
    yield from weight("q_proj k_proj v_proj post relative_k_proj", width, width, copies=blocks)
    yield from weight("per_dim_scale", width // heads, copies=blocks)
    yield from weight("lconv1d.linear_start", 2 * width, width, copies=blocks)
    yield from weight("lconv1d.linear_end", width, width, copies=blocks)
    yield from weight("lconv1d.depthwise", width, kernel, copies=blocks)
    yield from weight(
        "norm_pre_attn norm_post_attn norm_out lconv1d.pre_layer_norm lconv1d.conv_norm", width, copies=blocks
    )


def _embedder(config: Config, text_width: int) -> Counted:
    width = config.whole("hidden_size")
    yield from weight("embedding", config.whole("vocab_size"), width)
    yield from weight("hard_embedding_norm soft_embedding_norm", width)
    yield from weight("embedding_projection", text_width, width)


FAMILIES = (Family("gemma3n", gemma3n, {}),)
