"""Nemotron 3 Omni: Nemotron-H with RADIO's vision transformer and, where the file has it, Parakeet's conformer."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from ...model_shape import ModelShape, Tower
from ...tensors import Tensor
from ..config import Config
from ..family import Family
from ..nemotron_h import KNOWN, nemotron_h
from .parts import Counted, matrix, required, scale
from .vision_transformer import blocks, heads


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
    seen = chain(_radio(vision, frames), _projector("vision", merged, wide, hidden_size, bias=False))
    if text.whole("num_nextn_predict_layers", 0, least=0):
        seen = chain(seen, scale("vision", 1, "vision_final_layernorm", width, bias=True))
    towers = [Tower("vision", tuple(seen))]
    audio = config.section(config.spelled("audio_config", "sound_config"), PARAKEET)
    if audio is not None:
        outer, bias = audio.whole("projection_hidden_size"), audio.flag("projection_bias")
        projector = _projector("audio", audio.whole("hidden_size"), outer, hidden_size, bias=bias)
        towers.append(Tower("audio", tuple(chain(_parakeet(audio), projector))))
        audio.refuse_unread()
    shape = replace(nemotron_h(text), towers=tuple(towers))
    text.refuse_unread()
    vision.refuse_unread()
    return shape


def _squares(config: Config) -> int:
    """How many patches are merged: `downsample_ratio` is the share of each side that is left."""
    ratio = config.fraction("downsample_ratio", 0.5)
    if not 0.01 < ratio <= 1:
        raise config.error("downsample_ratio", f"{ratio} is too small", "check the file against its source")
    return int(1 / ratio) ** 2


def _projector(tower: str, read: int, wide: int, hidden_size: int, *, bias: bool) -> Counted:
    yield from scale(tower, 1, "projector.layer_norm", read)
    yield from matrix(tower, 1, "projector.linear_1", wide, read, bias=bias)
    yield from matrix(tower, 1, "projector.linear_2", hidden_size, wide, bias=bias)


def _radio(config: Config, frames: int) -> Counted:
    """Ranzinger et al. 2023, arXiv:2312.06709; modeling_radio.py: scaled layers, tokens of classes and registers."""
    config.must_be("use_swiglu_ffn", False)
    config.ignore("image_size", "summary_idxs", "layerscale_value", "drop_path_rate")
    width, layers, side = config.whole("hidden_size"), config.whole("num_hidden_layers"), config.whole("patch_size")
    heads(config, width)
    ratio = config.raw("mlp_ratio")
    if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0.1 <= ratio <= 100:
        raise config.error("mlp_ratio", f"{ratio!r:.60} is not understood", "state it as a number")
    patch = config.whole("num_channels") * side * side
    config.must_be("patch_dim", None, patch)
    config.must_be("video_patch_dim", None, frames * patch)
    places = config.whole("max_img_size") // side
    tokens = config.whole("num_cls_tokens", least=0) + config.whole("num_registers", least=0)
    yield from matrix("vision", 1, "position_embedding", places * places, width)
    yield from matrix("vision", 1, "cls_register_token", tokens, width)
    yield from matrix("vision", 1, "patch_embedding", width, patch)
    yield from matrix("vision", 1, "video_patch_embedding", width, frames * patch)
    yield from blocks(layers, width, int(width * ratio), qkv_bias=config.flag("qkv_bias"))
    yield from scale("vision", 2 * layers, "layer_scale", width)
    yield 1, Tensor("vision.summary_idxs", 2, part="vision", pinned="int64", buffer=True)


def _parakeet(config: Config) -> Counted:
    """NVIDIA 2025; modeling_parakeet.py: a fast conformer (arXiv:2305.05084) behind convolutions that halve time."""
    config.ignore("subsampling_conv_stride", "max_position_embeddings", "model_type", "sampling_rate", "layerdrop")
    width, layers, mlp = (
        config.whole("hidden_size"),
        config.whole("num_hidden_layers"),
        config.whole("intermediate_size"),
    )
    bias, convolved = config.flag("attention_bias"), config.flag("convolution_bias", True)
    factor, channels = config.whole("subsampling_factor", least=2), config.whole("subsampling_conv_channels")
    taps = config.whole("subsampling_conv_kernel_size") ** 2
    halvings = factor.bit_length() - 1
    yield from matrix("audio", halvings, "conv2d1", channels, taps, bias=True)
    yield from matrix("audio", halvings - 1, "conv2d2", channels, channels, bias=True)
    yield from matrix("audio", 1, "linear", width, channels * (config.whole("num_mel_bins") // factor), bias=True)
    for role in ("feed_forward1", "feed_forward2"):
        yield from matrix("audio", layers, f"{role}.linear1", mlp, width, bias=bias)
        yield from matrix("audio", layers, f"{role}.linear2", width, mlp, bias=bias)
    for role in ("q_proj", "k_proj", "v_proj", "o_proj"):
        yield from matrix("audio", layers, role, width, width, bias=bias)
    yield from matrix("audio", layers, "relative_k_proj", width, width)
    config.must_be("num_key_value_heads", None, heads(config, width))
    yield from scale("audio", 2 * layers, "attention.bias", width)
    yield from matrix("audio", layers, "conv1", 2 * width, width, bias=convolved)
    yield from scale("audio", layers, "depthwise_conv", width * config.whole("conv_kernel_size"))
    if convolved:
        yield from scale("audio", layers, "depthwise_conv.bias", width)
    yield from matrix("audio", layers, "conv2", width, width, bias=convolved)
    yield from scale("audio", 6 * layers, "norm", width, bias=True)
    for role in ("running_mean", "running_var"):
        yield layers, Tensor(f"audio.{role}", width, part="audio", buffer=True)
    yield layers, Tensor("audio.num_batches_tracked", 1, part="audio", pinned="int64", buffer=True)


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
