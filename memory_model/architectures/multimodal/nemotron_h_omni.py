"""Nemotron 3 Omni: Nemotron-H with RADIO's vision transformer and, where the file has it, Parakeet's conformer."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..nemotron_h import KNOWN, nemotron_h
from .encoder_layers import blocks, heads, projector
from .parts import Counted, beside, required, weight


def nemotron_h_omni(config: Config) -> ModelShape:
    """NVIDIA 2026; transformers modeling_nemotron_h_omni.py. Sections stand under either of two names."""
    config.ignore("force_image_size", "downsample_ratio", "video_pruning_rate", "image_tag_type", "template")
    text = required(config, config.spelled("text_config", "llm_config"), {})
    text = Config({**text.keys, "model_type": "nemotron_h"}, text.where, KNOWN)
    text.ignore("quantization_config")
    frames = config.whole("video_temporal_patch_size", 2)
    vision = required(config, "vision_config", RADIO)
    vision.must_be("video_temporal_patch_size", frames)
    wide, hidden_size = config.whole("projector_hidden_size", 4096), text.whole("hidden_size")
    width = config.whole(config.spelled("vision_hidden_size", "vit_hidden_size"), 1280)
    merged = width * _squares(config)
    seen = chain(_radio(vision, frames), _projector(merged, wide, hidden_size, bias=False))
    if text.whole("num_nextn_predict_layers", 0, least=0):
        seen = chain(seen, weight("vision_final_layernorm", width, bias=True))
    read, towers = [vision], {"vision": seen}
    audio = config.section(config.spelled("audio_config", "sound_config"), PARAKEET)
    if audio is not None:
        outer, bias = audio.whole("projection_hidden_size"), audio.flag("projection_bias")
        projector = _projector(audio.whole("hidden_size"), outer, hidden_size, bias=bias)
        read.append(audio)
        towers["audio"] = chain(_parakeet(audio), projector)
    return beside(nemotron_h, text, *read, **towers)


def _squares(config: Config) -> int:
    """How many patches are merged: `downsample_ratio` is the share of each side that is left."""
    ratio = config.number("downsample_ratio", 0.5)
    if not 0.01 < ratio <= 1:
        raise config.error("downsample_ratio", f"{ratio} is too small", "check the file against its source")
    return int(1 / ratio) ** 2


def _projector(read: int, wide: int, hidden_size: int, *, bias: bool) -> Counted:
    yield from weight("projector.layer_norm", read)
    yield from projector(read, wide, hidden_size, bias=bias)


def _radio(config: Config, frames: int) -> Counted:
    """Ranzinger et al. 2023, arXiv:2312.06709; modeling_radio.py: scaled layers, tokens of classes and registers."""
    config.must_be("use_swiglu_ffn", False)
    config.ignore("image_size", "summary_idxs", "layerscale_value", "drop_path_rate")
    width, layers, side = config.wholes("hidden_size", "num_hidden_layers", "patch_size")
    heads(config, width)
    patch = config.whole("num_channels") * side * side
    config.must_be("patch_dim", None, patch)
    config.must_be("video_patch_dim", None, frames * patch)
    places = config.whole("max_img_size") // side
    tokens = config.whole("num_cls_tokens", least=0) + config.whole("num_registers", least=0)
    yield from weight("position_embedding", places * places, width)
    yield from weight("cls_register_token", tokens, width)
    yield from weight("patch_embedding", width, patch)
    yield from weight("video_patch_embedding", width, frames * patch)
    yield from blocks(
        layers, width, int(width * config.number("mlp_ratio", least=0.1, most=100)), qkv_bias=config.flag("qkv_bias")
    )
    yield from weight("layer_scale", width, copies=2 * layers)
    yield from weight("summary_idxs", 2, pinned="int64", buffer=True)


def _parakeet(config: Config) -> Counted:
    """NVIDIA 2025; modeling_parakeet.py: a fast conformer (arXiv:2305.05084) behind convolutions that halve time."""
    config.ignore("subsampling_conv_stride", "max_position_embeddings", "model_type", "sampling_rate", "layerdrop")
    width, layers, mlp = config.wholes("hidden_size", "num_hidden_layers", "intermediate_size")
    bias, convolved = config.flag("attention_bias"), config.flag("convolution_bias", True)
    factor, channels = config.whole("subsampling_factor", least=2), config.whole("subsampling_conv_channels")
    taps = config.whole("subsampling_conv_kernel_size") ** 2
    halvings = factor.bit_length() - 1
    yield from weight("conv2d1", channels, taps, copies=halvings, bias=True)
    yield from weight("conv2d2", channels, channels, copies=halvings - 1, bias=True)
    yield from weight("linear", width, channels * (config.whole("num_mel_bins") // factor), bias=True)
    for role in ("feed_forward1", "feed_forward2"):
        yield from weight(f"{role}.linear1", mlp, width, copies=layers, bias=bias)
        yield from weight(f"{role}.linear2", width, mlp, copies=layers, bias=bias)
    yield from weight("q_proj k_proj v_proj o_proj", width, width, copies=layers, bias=bias)
    yield from weight("relative_k_proj", width, width, copies=layers)
    config.must_be("num_key_value_heads", None, heads(config, width))
    yield from weight("attention.bias", width, copies=2 * layers)
    yield from weight("conv1", 2 * width, width, copies=layers, bias=convolved)
    yield from weight("depthwise_conv", width * config.whole("conv_kernel_size"), copies=layers)
    if convolved:
        yield from weight("depthwise_conv.bias", width, copies=layers)
    yield from weight("conv2", width, width, copies=layers, bias=convolved)
    yield from weight("norm", width, copies=6 * layers, bias=True)
    yield from weight("running_mean running_var", width, copies=layers, buffer=True)
    yield from weight("num_batches_tracked", 1, copies=layers, pinned="int64", buffer=True)


RADIO = {
    "hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 16, "mlp_ratio": 4.0, "qkv_bias": True,
    "num_channels": 3, "patch_size": 16, "max_img_size": 2048, "num_cls_tokens": 3, "num_registers": 7,
}  # fmt: skip
PARAKEET = {
    "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 8, "intermediate_size": 4096,
    "attention_bias": False, "conv_kernel_size": 9, "subsampling_factor": 8, "subsampling_conv_channels": 256,
    "num_mel_bins": 80, "subsampling_conv_kernel_size": 3,
}  # fmt: skip

FAMILIES = (Family("nemotron_h_omni", nemotron_h_omni, {}),)
