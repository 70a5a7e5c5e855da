"""LLaVA and those that follow it: any vision tower, a projector of two matrices, any language model."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from .encoder_layers import projector
from .language_models import language_model, with_towers
from .parts import required, weight
from .vision_towers import vision_tower


def llava(config: Config) -> ModelShape:
    """Liu et al. 2023, arXiv:2310.03744; transformers modeling_llava.py."""
    return _llava(config, either=True)


def llava_next(config: Config) -> ModelShape:
    """Liu et al. 2024 (LLaVA-NeXT); transformers modeling_llava_next.py: a learned end of a row of patches."""
    return _llava(config, newline=True)


def llava_next_video(config: Config) -> ModelShape:
    """Zhang et al. 2024 (LLaVA-NeXT-Video); transformers modeling_llava_next_video.py: pools by mean or maximum."""
    config.must_be("spatial_pool_mode", "average", "max")
    config.ignore("spatial_pool_stride", "spatial_pool_out_channels")
    return _llava(config, newline=True, either=True)


def llava_onevision(config: Config) -> ModelShape:
    """Li et al. 2024, arXiv:2408.03326; transformers modeling_llava_onevision.py."""
    return _llava(config, newline=True, either=True, vision="siglip_vision_model", text="qwen2")


def video_llava(config: Config) -> ModelShape:
    """Lin et al. 2023, arXiv:2311.10122; transformers modeling_video_llava.py: a tower for images and one for frames."""
    return _llava(config, towers=2)


def vipllava(config: Config) -> ModelShape:
    """Cai et al. 2023, arXiv:2312.00784; transformers modeling_vipllava.py: features of several layers, normed."""
    text = language_model(config, "llama")
    vision, tensors = vision_tower(config, "clip_vision_model")
    several = len(_layers(config, config.spelled("vision_feature_layer", "vision_feature_layers"), 5))
    width, hidden_size = vision.whole("hidden_size") * several, text.whole("hidden_size")
    norm = weight("projector.layernorm", width, bias=True)
    return with_towers(text, vision, vision=chain(tensors, norm, projector(width, hidden_size, hidden_size)))


def fast_vlm(config: Config) -> ModelShape:
    """Vasu et al. 2024, arXiv:2412.13303 (FastVLM); transformers modeling_fast_vlm.py: a convolutional tower."""
    return _llava(config, either=True, vision="timm_wrapper", text="qwen2")


def perception_lm(config: Config) -> ModelShape:
    """Cho et al. 2025, arXiv:2504.13180; transformers modeling_perception_lm.py."""
    config.ignore("vision_use_cls_token", "projector_pooling_ratio")
    text = language_model(config, "llama", tied=None)
    vision, tensors = vision_tower(config, "timm_wrapper")
    width, hidden_size = required(vision, "model_args", {}).whole("embed_dim"), text.whole("hidden_size")
    return with_towers(text, vision, vision=chain(tensors, projector(width, hidden_size, hidden_size)))


def _llava(
    config: Config,
    *,
    vision: str = "clip_vision_model",
    text: str = "llama",
    towers: int = 1,
    newline: bool = False,
    either: bool = False,
) -> ModelShape:
    config.ignore("vocab_size", "hidden_size", "image_seq_length", "video_seq_length")
    language = language_model(config, text, either=either)
    section, tensors = vision_tower(config, vision)
    width = section.whole("hidden_size") * len(_layers(config, "vision_feature_layer", 1))
    hidden_size = language.whole("hidden_size")
    bias = config.flag("multimodal_projector_bias", True)
    end = weight("image_newline", hidden_size) if newline else ()
    encoder = ((towers * copies, tensor) for copies, tensor in tensors)
    return with_towers(
        language, section, vision=chain(encoder, end, projector(width, hidden_size, hidden_size, bias=bias))
    )


def _layers(config: Config, key: str, otherwise: int) -> list[object]:
    """The layers whose features are joined: one, or a list of them."""
    picked = config.raw(key)
    if picked is None:
        return [None] * otherwise
    if isinstance(picked, (list, tuple)):
        if not picked or any(type(item) is not int for item in picked):
            raise config.error(key, "expected a layer or a list of them", "check the file against its source")
        return list(picked)
    config.optional(key, least=-1000, most=1000)
    return [picked]


FAMILIES = (
    Family("llava", llava, {}),
    Family("llava_next", llava_next, {}),
    Family("llava_next_video", llava_next_video, {}),
    Family("llava_onevision", llava_onevision, {}),
    Family("video_llava", video_llava, {}),
    Family("vipllava", vipllava, {}),
    Family("fast_vlm", fast_vlm, {}),
    Family("perception_lm", perception_lm, {}),
)
