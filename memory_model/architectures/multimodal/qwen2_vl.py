"""Qwen2-VL, Qwen2.5-VL and those that took over their tower, which merges squares of patches."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..llama import qwen2
from .encoder_layers import blocks, heads
from .language_models import language_model, with_towers
from .parts import Counted, beside, required, text_or_flat, weight


def qwen2_vl(config: Config) -> ModelShape:
    """Wang et al. 2024, arXiv:2409.12191; transformers modeling_qwen2_vl.py."""
    text, vision = _text(config, "qwen2_vl_text"), required(config, "vision_config", QWEN2_VISION)
    return beside(qwen2, text, vision, vision=qwen2_vision(vision))


def qwen2_5_vl(config: Config) -> ModelShape:
    """Bai et al. 2025, arXiv:2502.13923; transformers modeling_qwen2_5_vl.py."""
    text, vision = _text(config, "qwen2_5_vl_text"), required(config, "vision_config", QWEN2_5_VISION)
    return beside(qwen2, text, vision, vision=qwen2_5_vision(vision))


def exaone4_5(config: Config) -> ModelShape:
    """LG AI Research 2026; transformers modeling_exaone4_5.py: Qwen2.5-VL's tower with fewer key heads."""
    kind = required(config, "text_config", {}).raw("model_type")
    if kind == "exaone4_5_text":  # the class reads it as EXAONE 4
        section = {**required(config, "text_config", {}).keys, "model_type": "exaone4"}
        config = config.changed(text_config=section)
    text = language_model(config, "exaone4", known=("exaone4",))
    vision = required(config, "vision_config", QWEN2_5_VISION | {"num_key_value_heads": 8})
    return with_towers(text, vision, vision=qwen2_5_vision(vision, vision.whole("num_key_value_heads")))


def hyperclovax_vision_v2(config: Config) -> ModelShape:
    """NAVER 2025; transformers modeling_hyperclovax_vision_v2.py: Qwen2.5-VL's tower, one matrix, HyperCLOVA X."""
    text = language_model(config, "hyperclovax", known=("hyperclovax",), tied=True)
    vision = required(config, "vision_config", QWEN2_5_VISION)
    vision.must_be("model_type", "qwen2_5_vl_vision", "qwen2_5_vl")
    projector = weight("projector", text.whole("hidden_size"), vision.whole("out_hidden_size"), bias=True)
    return with_towers(text, vision, vision=chain(qwen2_5_vision(vision), projector))


def _text(config: Config, model_type: str) -> Config:
    text = text_or_flat(config, TEXT | {"model_type": model_type})
    text.ignore("head_dim")
    return text


def qwen2_vision(config: Config) -> Counted:
    """LayerNorms, biases, an MLP without gate; `hidden_size` is the text's."""
    width, ratio = config.wholes("embed_dim", "mlp_ratio")
    heads(config, width, "num_heads")
    yield from _patches(config, width)
    yield from blocks(config.whole("depth"), width, width * ratio)
    yield from _merger(config, width, config.whole("hidden_size"), norm_bias=True)


def qwen2_5_vision(config: Config, key_heads: int | None = None) -> Counted:
    """RMSNorms, gated MLPs with biases, windows in most layers. `key_heads`: where they are fewer than the queries'."""
    config.ignore("window_size", "fullatt_block_indexes", "tokens_per_second", "embed_dim")
    width = config.whole("hidden_size")
    count = heads(config, width, "num_heads")
    keys = None if key_heads is None else width // count * key_heads
    yield from _patches(config, width)
    yield from blocks(
        config.whole("depth"), width, config.whole("intermediate_size"), norm_bias=False, gated=True, key_width=keys
    )
    yield from _merger(config, width, config.whole("out_hidden_size"), norm_bias=False)


def _patches(config: Config, width: int) -> Counted:
    """A convolution over squares of patches of a few frames."""
    config.ignore("in_chans", "spatial_patch_size", "num_attention_heads", "num_hidden_layers")
    cube = config.whole("in_channels") * config.whole("temporal_patch_size") * config.whole("patch_size") ** 2
    yield from weight("patch_embed", width, cube)


def _merger(config: Config, width: int, out: int, *, norm_bias: bool) -> Counted:
    """Squares of patches become one token: a norm and two matrices."""
    merged = width * config.whole("spatial_merge_size") ** 2
    yield from weight("merger.ln_q", width, bias=norm_bias)
    yield from weight("merger.mlp.0", merged, merged, bias=True)
    yield from weight("merger.mlp.2", out, merged, bias=True)


TEXT = {
    "vocab_size": 152064, "hidden_size": 8192, "intermediate_size": 29568, "num_hidden_layers": 80,
    "num_attention_heads": 64, "num_key_value_heads": 8, "max_position_embeddings": 32768,
    "use_sliding_window": False, "sliding_window": 4096, "max_window_layers": 80, "layer_types": None,
    "tie_word_embeddings": False, "rope_parameters": None,
}  # fmt: skip
QWEN2_VISION = {
    "depth": 32, "embed_dim": 1280, "hidden_size": 3584, "mlp_ratio": 4, "num_heads": 16, "in_channels": 3,
    "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2,
}  # fmt: skip
QWEN2_5_VISION = {
    "depth": 32, "hidden_size": 3584, "intermediate_size": 3420, "num_heads": 16, "in_channels": 3, "patch_size": 14,
    "spatial_merge_size": 2, "temporal_patch_size": 2, "out_hidden_size": 3584,
}  # fmt: skip

FAMILIES = (
    Family("qwen2_vl", qwen2_vl, {}),
    Family("qwen2_vl_text", qwen2, TEXT | {"model_type": "qwen2_vl_text"}),
    Family("qwen2_5_vl", qwen2_5_vl, {}),
    Family("qwen2_5_vl_text", qwen2, TEXT | {"model_type": "qwen2_5_vl_text"}),
    Family("exaone4_5", exaone4_5, {}),
    Family("hyperclovax_vision_v2", hyperclovax_vision_v2, {}),
)
