"""Phi-4 multimodal: Phi-3's language model with SigLIP's encoder and a conformer."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..llama import phi3
from .encoder_layers import siglip_blocks, siglip_positions
from .parts import Counted, beside, required, weight
from .siglip import pooling_head


def phi4_multimodal(config: Config) -> ModelShape:
    """Microsoft 2025, arXiv:2503.01743; transformers modeling_phi4_multimodal.py."""
    config.ignore("vision_config", "audio_config")
    vision, audio = required(config, "vision_config", VISION), required(config, "audio_config", AUDIO)
    hidden_size = config.whole("hidden_size")
    heard = chain(_subsampling(audio), _conformer(audio), _heard(audio, hidden_size))
    return beside(phi3, config, vision, audio, vision=_vision(vision, hidden_size), audio=heard)


def _vision(config: Config, hidden_size: int) -> Counted:
    """SigLIP with its head, two matrices, and the ends of a row and of a view."""
    config.ignore("crop_size", "feature_layer")
    width = config.whole("hidden_size")
    yield from siglip_positions(config)
    yield from siglip_blocks(config)
    yield from pooling_head(width, config.whole("intermediate_size"))
    yield from weight("global_img_feature_extensor sub_img_feature_extensor", width)
    yield from weight("img_projection_up", hidden_size, width, bias=True)
    yield from weight("img_projection_down", hidden_size, hidden_size, bias=True)


def _subsampling(config: Config) -> Counted:
    """Convolutions that halve time and frequencies until `time_reduction` is reached, and the mean of what is heard."""
    width, channels, rows = config.wholes("hidden_size", "nemo_conv_channels", "input_size")
    reduction = config.whole("time_reduction", least=2)
    halvings = reduction.bit_length() - 1
    for _ in range(halvings):
        rows = (rows + 1) // 2
    yield from weight("global_mean global_invstd", config.whole("input_size"), buffer=True)
    yield from weight("conv", channels, 9, copies=halvings, bias=True)
    yield from weight("conv.pointwise", channels, channels, copies=halvings - 1, bias=True)
    yield from weight("out", width, channels * rows, bias=True)
    buckets = config.whole("bias_max_distance") * (1 if config.flag("bias_symmetric") else 2)
    yield from weight("relative_attention_bias", buckets, config.whole("num_attention_heads"))


def _conformer(config: Config) -> Counted:
    """Gulati et al. 2020, arXiv:2005.08100: attention and a convolution between two halves of an MLP."""
    config.ignore("chunk_size", "left_chunk", "conv_activation", "conv_glu_type", "nemo_final_size")
    blocks, width, mlp = config.wholes("num_blocks", "hidden_size", "intermediate_size")
    outer, inner = config.wholes("ext_pw_out_channel", "depthwise_separable_out_channel")
    deep = width * config.whole("depthwise_multiplier")
    for role in ("feed_forward_in", "feed_forward_out"):
        yield from weight(f"{role}.layer_norm", width, copies=blocks, bias=True)
        yield from weight(f"{role}.gate_up_proj", 2 * mlp, width, copies=blocks, bias=True)
        yield from weight(f"{role}.down_proj", width, mlp, copies=blocks, bias=True)
    yield from weight("q_proj k_proj v_proj o_proj", width, width, copies=blocks, bias=True)
    yield from weight("conv.layer_norm layer_norm_att layer_norm", width, copies=blocks, bias=True)
    yield from weight("glu", 2 * outer, width, copies=blocks, bias=True)
    yield from weight("glu.b1 glu.b2", outer, copies=blocks)
    yield from weight("dw_conv", deep, config.whole("kernel_size"), copies=blocks, bias=True)
    yield from weight("pw_conv", inner, deep, copies=blocks, bias=True)
    yield from weight("ext_pw_conv", outer, width, copies=blocks, bias=True)


def _heard(config: Config, hidden_size: int) -> Counted:
    """Two matrices for speech alone, and two for speech beside images."""
    config.ignore("feature_layer")
    inside = config.whole("hidden_size") * config.whole("downsample_rate")
    yield from weight("up_proj", hidden_size, inside, copies=2, bias=True)
    yield from weight("down_proj", hidden_size, hidden_size, copies=2, bias=True)


TEXT = {
    "vocab_size": 200064, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
}  # fmt: skip
VISION = {
    "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16,
    "num_channels": 3, "image_size": 448, "patch_size": 14,
}  # fmt: skip
AUDIO = {
    "hidden_size": 1024, "intermediate_size": 1536, "num_blocks": 24, "num_attention_heads": 16,
    "ext_pw_out_channel": 1024, "depthwise_separable_out_channel": 1024, "depthwise_multiplier": 1, "kernel_size": 3,
    "input_size": 80, "time_reduction": 8, "bias_max_distance": 1000, "bias_symmetric": False,
    "nemo_conv_channels": 1024, "downsample_rate": 1,
}  # fmt: skip

FAMILIES = (Family("phi4_multimodal", phi4_multimodal, TEXT),)
