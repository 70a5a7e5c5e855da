"""The vision transformer of Segment Anything (Kirillov et al. 2023, arXiv:2304.02643), and models that read through it."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from .encoder_layers import blocks, heads
from .language_models import language_model, with_towers
from .parts import Counted, required, weight
from .siglip import VISION_DEFAULTS, siglip_tensors

SAM = {
    "hidden_size": 768, "output_channels": 256, "num_hidden_layers": 12, "num_attention_heads": 12, "num_channels": 3,
    "image_size": 1024, "patch_size": 16, "qkv_bias": True, "use_abs_pos": True, "use_rel_pos": True,
    "window_size": 14, "global_attn_indexes": (2, 5, 8, 11),
}  # fmt: skip


def got_ocr2(config: Config) -> ModelShape:
    """Wei et al. 2024, arXiv:2409.01704; transformers modeling_got_ocr2.py."""
    config.ignore("image_seq_length")
    text = language_model(config, "qwen2", tied=True)
    vision = required(config, "vision_config", SAM | {"mlp_dim": 3072})
    hidden_size, channels = text.whole("hidden_size"), vision.whole("output_channels")
    projector = chain(
        weight("projector.conv_upsampler1", 2 * channels, 9 * channels),
        weight("projector.conv_upsampler2", hidden_size, 9 * 2 * channels),
        weight("projector.multimodal_projector", hidden_size, hidden_size, bias=True),
    )
    return with_towers(text, vision, vision=chain(sam_encoder(vision), projector))


def deepseek_vl(config: Config) -> ModelShape:
    """Lu et al. 2024, arXiv:2403.05525; transformers modeling_deepseek_vl.py: SigLIP and two matrices."""
    text = language_model(config, "llama", tied=True)
    vision = required(config, "vision_config", {**VISION_DEFAULTS, "model_type": "siglip_vision_model"})
    hidden_size, width = text.whole("hidden_size"), vision.whole("hidden_size")
    aligner = chain(
        weight("aligner.linear1", hidden_size, width, bias=True),
        weight("aligner.linear2", hidden_size, hidden_size, bias=True),
    )
    return with_towers(text, vision, vision=chain(siglip_tensors(vision), aligner))


def deepseek_vl_hybrid(config: Config) -> ModelShape:
    """The same with a second tower for images of 1,024 pixels (modeling_deepseek_vl_hybrid.py)."""
    text = language_model(config, "llama", tied=True)
    vision = required(config, "vision_config", {**VISION_DEFAULTS, "model_type": "siglip_vision_model"})
    fine = required(config, "high_res_vision_config", SAM)
    fine.must_be("model_type", "sam_vision_model")
    towers = chain(siglip_tensors(vision), sam_encoder(fine), _hybrid_aligner(text, vision, fine))
    return with_towers(text, vision, fine, vision=towers)


def _hybrid_aligner(text: Config, vision: Config, fine: Config) -> Counted:
    """A neck and two convolutions for the fine tower, and half of the text's width from each."""
    hidden_size, channels = text.whole("hidden_size"), fine.whole("output_channels")
    yield from weight("high_res_vision_alpha", 1)
    yield from _neck(fine)
    yield from weight("high_res_vision_proj.conv1", 2 * channels, 9 * channels)
    yield from weight("high_res_vision_proj.conv2", 4 * channels, 9 * 2 * channels)
    half = hidden_size // 2
    yield from weight("aligner.vision_proj", half, vision.whole("hidden_size"), bias=True)
    yield from weight("aligner.high_res_vision_proj", half, 4 * channels, bias=True)
    yield from weight("aligner.proj", hidden_size, hidden_size, bias=True)


def sam_encoder(config: Config) -> Counted:
    """SamVisionEncoder: windows in most layers, relative positions along both axes, and a neck."""
    config.ignore("num_pos_feats", "scale", "window_size", "global_attn_indexes")
    width, layers, patch = config.wholes("hidden_size", "num_hidden_layers", "patch_size")
    head = width // heads(config, width)
    side = config.whole("image_size") // patch
    yield from weight("patch_embed", width, config.whole("num_channels") * patch * patch, bias=True)
    if config.flag("use_abs_pos"):
        yield from weight("pos_embed", side * side, width)
    yield from blocks(layers, width, _mlp_width(config, width), qkv_bias=config.flag("qkv_bias"))
    if config.flag("use_rel_pos"):
        everywhere = {index for index in config.whole_list("global_attn_indexes") if index < layers}
        window = config.whole("window_size", least=0)
        wide = len(everywhere) if window else layers
        yield from weight("rel_pos", 2 * side - 1, head, copies=2 * wide)
        yield from weight("windowed_rel_pos", 2 * window - 1, head, copies=2 * (layers - wide))
    yield from _neck(config)


def _mlp_width(config: Config, width: int) -> int:
    """`mlp_dim`, or `mlp_ratio` times the width."""
    ratio = config.number("mlp_ratio", 4.0, most=100)
    return config.whole("mlp_dim", int(width * ratio))


def _neck(config: Config) -> Counted:
    """Two convolutions without bias, a LayerNorm behind each."""
    channels = config.whole("output_channels")
    yield from weight("neck.conv1", channels, config.whole("hidden_size"))
    yield from weight("neck.conv2", channels, 9 * channels)
    yield from weight("neck.layer_norm1 neck.layer_norm2", channels, bias=True)


FAMILIES = (
    Family("got_ocr2", got_ocr2, {}),
    Family("pp_chart2table", got_ocr2, {}),
    Family("deepseek_vl", deepseek_vl, {}),
    Family("deepseek_vl_hybrid", deepseek_vl_hybrid, {}),
)
