"""VideoLLaMA 3 and MiniCPM-V 4.6: SigLIP's encoder for images of any size, merged before or inside the layers."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from .encoder_layers import attention, patches, sides, siglip_blocks, siglip_positions
from .language_models import ANY, language_model, with_towers
from .parts import Counted, required, weight

VISION = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "num_channels": 3, "patch_size": 16,
}  # fmt: skip


def video_llama_3(config: Config) -> ModelShape:
    """Zhang et al. 2025, arXiv:2501.13106; transformers modeling_video_llama_3.py: rotary positions, none learned."""
    text = language_model(config, "qwen2", either=True)
    vision = required(config, "vision_config", VISION)
    width, hidden_size = vision.whole("hidden_size"), text.whole("hidden_size")
    tower = chain(
        patches(vision, width, bias=True),
        siglip_blocks(vision),
        weight("projector.readout.0", hidden_size, width, bias=True),
        weight("projector.readout.2", hidden_size, hidden_size, bias=True),
    )
    return with_towers(text, vision, vision=tower)


def minicpmv4_6(config: Config) -> ModelShape:
    """OpenBMB 2026; transformers modeling_minicpmv4_6.py, modeling_minicpmv4_7.py."""
    return _minicpm(config, tied=False)


def minicpm_ocr(config: Config) -> ModelShape:
    """The same with tied embeddings unless the file says otherwise (modeling_minicpm_ocr.py)."""
    return _minicpm(config, tied=True)


def _minicpm(config: Config, *, tied: bool) -> ModelShape:
    """Windows of patches merge inside the tower, and again behind it."""
    config.ignore("insert_layer_id", "image_size", "drop_vision_last_layer", "merge_kernel_size", "patch_size")
    text = language_model(config, "qwen3_5_text", known=("qwen3_5_text", *ANY), tied=tied)
    vision = required(config, "vision_config", VISION | {"image_size": 224, "window_kernel_size": (2, 2)})
    times = config.whole("merger_times", 1)
    tower = chain(siglip_positions(vision), siglip_blocks(vision), _merger(vision, text.whole("hidden_size"), times))
    return with_towers(text, vision, vision=tower)


def _merger(config: Config, hidden_size: int, times: int) -> Counted:
    """Attention in each window, then an MLP as many times as wide as a window has patches; merging MLPs behind."""
    config.ignore("insert_layer_id")
    width = config.whole("hidden_size")
    high, wide = sides(config, "window_kernel_size")
    window, inner = width * high * wide, config.whole("intermediate_size") * high * wide
    yield from attention(1, width)
    yield from weight("vit_merger.layer_norm1", width, bias=True)
    yield from weight("vit_merger.pre_norm", window, bias=True)
    yield from weight("vit_merger.linear_1", inner, window, bias=True)
    yield from weight("vit_merger.linear_2", width, inner, bias=True)
    merged = 4 * width
    yield from weight("merger.pre_norm", merged, copies=times, bias=True)
    yield from weight("merger.linear_1", merged, merged, copies=times, bias=True)
    yield from weight("merger.linear_2", width, merged, copies=times - 1, bias=True)
    yield from weight("merger.linear_2", hidden_size, merged, bias=True)


FAMILIES = (
    Family("video_llama_3", video_llama_3, {}),
    Family("minicpmv4_6", minicpmv4_6, {}),
    Family("minicpmv4_7", minicpmv4_6, {}),
    Family("minicpm_ocr", minicpm_ocr, {}),
)
