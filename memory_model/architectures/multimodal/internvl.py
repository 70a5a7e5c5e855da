"""InternVL: a vision transformer with scaled residuals, four patches merged into one token, any language model."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from .encoder_layers import attention, gelu_mlp, heads, projector, sides
from .language_models import ANY, language_model, with_towers
from .parts import Counted, required, weight

INTERNVIT = {
    "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
    "num_channels": 3, "image_size": 448, "patch_size": 14, "use_absolute_position_embeddings": True,
    "use_mean_pooling": True,
}  # fmt: skip


def internvl(config: Config) -> ModelShape:
    """Zhu et al. 2025, arXiv:2504.10479; transformers modeling_internvl.py."""
    return _internvl(config, language_model(config, "qwen2", tied=True), required(config, "vision_config", INTERNVIT))


def internvl_chat(config: Config) -> ModelShape:
    """InternVL 2 to 3.5 with modeling_internvl_chat.py beside the checkpoint: the same model under other names."""
    sections = {"text_config": config.raw("llm_config"), "vision_config": config.raw("vision_config")}
    config = config.changed(**sections)
    text = language_model(config, "internlm2", known=(*ANY, "internlm2"), tied=None)
    vision = required(config, "vision_config", INTERNVIT)
    vision = vision.renamed(attention_bias="qkv_bias", use_qk_norm="qk_normalization")
    vision.must_be("use_moe", False)
    vision.ignore(*(key for key in vision.keys if "moe" in key or "expert" in key))  # of a mixture that it is not
    config.ignore("llm_config", "hidden_size", "force_image_size", "select_layer")
    return _internvl(config, text, vision)


def qianfan_ocr(config: Config) -> ModelShape:
    """Baidu 2026; transformers modeling_qianfan_ocr.py: the same layout with biases in the tower and Qwen3."""
    vision = required(config, "vision_config", INTERNVIT | {"attention_bias": True})
    return _internvl(config, language_model(config, "qwen3"), vision)


def _internvl(config: Config, text: Config, vision: Config) -> ModelShape:
    config.ignore("image_seq_length", "vision_feature_layer")
    share = config.number("downsample_ratio", 0.5)
    if not share:
        raise config.error("downsample_ratio", "0 leaves no patches", "check the file against its source")
    merged = vision.whole("hidden_size") * int(1 / share) ** 2
    return with_towers(text, vision, vision=chain(intern_vit(vision), _projector(text.whole("hidden_size"), merged)))


def intern_vit(config: Config) -> Counted:
    """InternViT (Chen et al. 2023, arXiv:2312.14238): no biases at queries, keys and values unless stated."""
    width, layers = config.wholes("hidden_size", "num_hidden_layers")
    heads(config, width)
    config.ignore("layer_scale_init_value")
    (high, wide), (down, across) = sides(config, "image_size"), sides(config, "patch_size")
    yield from weight("cls_token", width)
    if config.flag("use_mask_token"):
        yield from weight("mask_token", width)
    yield from weight("patch_embedding", width, config.whole("num_channels") * down * across, bias=True)
    if config.flag("use_absolute_position_embeddings"):
        yield from weight("position_embeddings", (high // down) * (wide // across) + 1, width)
    norm_bias = config.text("norm_type", "layer_norm", ("layer_norm", "rms_norm")) == "layer_norm"
    yield from weight("layernorm_before layernorm_after", width, copies=layers, bias=norm_bias)
    yield from attention(layers, width, qkv_bias=config.flag("attention_bias"))
    if config.flag("use_qk_norm"):
        yield from weight("q_norm k_norm", width, copies=layers)
    yield from weight("lambda_1 lambda_2", width, copies=layers)
    yield from gelu_mlp(layers, width, config.whole("intermediate_size"))
    if not config.flag("use_mean_pooling"):
        yield from weight("layernorm", width, bias=True)


def _projector(hidden_size: int, merged: int) -> Counted:
    yield from weight("projector.layer_norm", merged, bias=True)
    yield from projector(merged, hidden_size, hidden_size)


FAMILIES = (
    Family("internvl", internvl, {}),
    Family("internvl_chat", internvl_chat, {}),
    Family("qianfan_ocr", qianfan_ocr, {}),
)
