"""Janus: reads images through a vision transformer, and writes them through a vector-quantised autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from .encoder_layers import blocks, heads, siglip_positions
from .language_models import language_model, with_towers
from .parts import Counted, required, weight

VISION = {
    "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "num_channels": 3, "image_size": 384,
    "patch_size": 16, "mlp_ratio": 4, "attention_bias": True, "projection_dim": 2048, "depth": 2,
}  # fmt: skip
VQ = {
    "embed_dim": 8, "num_embeddings": 16384, "latent_channels": 256, "in_channels": 3, "base_channels": 128,
    "channel_multiplier": (1, 1, 2, 2, 4), "num_res_blocks": 2, "out_channels": 3, "projection_dim": 2048,
    "num_hidden_layers": 2, "image_token_embed_dim": 2048,
}  # fmt: skip


def janus(config: Config) -> ModelShape:
    """Chen et al. 2025, arXiv:2501.17811; transformers modeling_janus.py."""
    text = language_model(config, "llama", tied=True)
    vision, images = required(config, "vision_config", VISION), required(config, "vq_config", VQ)
    return with_towers(text, vision, images, vision=chain(_vision(vision), _autoencoder(images), _generation(images)))


def _vision(config: Config) -> Counted:
    """SigLIP's layers, and an aligner of `depth` matrices."""
    config.ignore("num_image_tokens")
    width, layers = config.wholes("hidden_size", "num_hidden_layers")
    heads(config, width)
    yield from siglip_positions(config)
    yield from blocks(layers, width, width * config.whole("mlp_ratio"), qkv_bias=config.flag("attention_bias"))
    if config.flag("use_qk_norm"):
        yield from weight("q_norm k_norm", width, copies=layers, bias=True)
    yield from weight("post_layernorm", width, bias=True)
    out = config.whole("projection_dim")
    yield from weight("aligner.fc1", out, width, bias=True)
    yield from weight("aligner.hidden_layers", out, out, copies=config.whole("depth") - 1, bias=True)


def _generation(config: Config) -> Counted:
    """What makes words of an image of the text's width, and back."""
    words, width, out = config.wholes("num_embeddings", "embed_dim", "projection_dim")
    yield from weight("generation_embeddings", words, width)
    yield from weight("generation_aligner.fc1", out, width, bias=True)
    several = config.whole("num_hidden_layers") - 1
    yield from weight("generation_aligner.hidden_layers", out, out, copies=several, bias=True)
    yield from weight("generation_head.proj_out", out, config.whole("image_token_embed_dim"), bias=True)
    yield from weight("generation_head.vision_head", words, out, bias=True)


def _autoencoder(config: Config) -> Counted:
    """JanusVQVAE: levels of residual blocks down and up, attention on the coarsest (arXiv:2406.06525)."""
    config.ignore("num_patches")
    channels, latent = _channels(config), config.whole("latent_channels")
    repeat, coarsest = config.whole("num_res_blocks"), channels[-1]
    yield from vq_encoder(config, attends=[False] * (len(channels) - 1) + [True])
    yield from _convolution("decoder.conv_in", coarsest, latent)
    yield from _middle(coarsest)
    inside = coarsest
    for level in reversed(range(len(channels))):
        yield from _level(inside, channels[level], repeat + 1, attends=level == len(channels) - 1)
        if level:
            yield from _convolution("upsample", channels[level], channels[level])
        inside = channels[level]
    yield from weight("decoder.norm_out", inside, bias=True)
    yield from _convolution("decoder.conv_out", config.whole("out_channels"), inside)


def vq_encoder(config: Config, attends: Sequence[bool], *, attends_between: bool = True) -> Counted:
    """The way down to the words of an image, these, and what turns them back. `attends`: the levels that have attention behind each block."""
    channels, latent, width = _channels(config), config.whole("latent_channels"), config.whole("embed_dim")
    inside, coarsest, repeat = config.whole("base_channels"), channels[-1], config.whole("num_res_blocks")
    yield from _convolution("encoder.conv_in", inside, config.whole("in_channels"))
    for level, outside in enumerate(channels):
        yield from _level(inside, outside, repeat, attends=attends[level])
        if level < len(channels) - 1:
            yield from _convolution("downsample", outside, outside)
        inside = outside
    yield from _middle(coarsest, attends=attends_between)
    yield from weight("encoder.norm_out", coarsest, bias=True)
    yield from _convolution("encoder.conv_out", latent * (2 if config.flag("double_latent") else 1), coarsest)
    yield from weight("quant_conv", width, latent, bias=True)
    yield from weight("quantize.embedding", config.whole("num_embeddings"), width)
    yield from weight("post_quant_conv", latent, width, bias=True)


def _channels(config: Config) -> list[int]:
    """Channels of each level."""
    times = config.whole_list("channel_multiplier")
    if not times or not all(times):
        raise config.error("channel_multiplier", "expected whole numbers", "check the file against its source")
    return [config.whole("base_channels") * time for time in times]


def _level(inside: int, outside: int, repeat: int, *, attends: bool) -> Counted:
    """`repeat` residual blocks, and attention behind each where the level `attends`."""
    for index in range(repeat):
        yield from _residual(outside if index else inside, outside)
        if attends:
            yield from _attention(outside)


def _middle(channels: int, *, attends: bool = True) -> Counted:
    yield from _residual(channels, channels)
    if attends:
        yield from _attention(channels)
    yield from _residual(channels, channels)


def _residual(inside: int, outside: int) -> Counted:
    yield from weight("block.norm1", inside, bias=True)
    yield from _convolution("block.conv1", outside, inside)
    yield from weight("block.norm2", outside, bias=True)
    yield from _convolution("block.conv2", outside, outside)
    if inside != outside:
        yield from weight("block.nin_shortcut", outside, inside, bias=True)


def _attention(channels: int) -> Counted:
    yield from weight("attn.norm", channels, bias=True)
    yield from weight("attn.q attn.k attn.v attn.proj_out", channels, channels, bias=True)


def _convolution(role: str, outside: int, inside: int) -> Counted:
    yield from weight(role, outside, 9 * inside, bias=True)


FAMILIES = (Family("janus", janus, {}),)
