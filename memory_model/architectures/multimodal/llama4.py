"""Llama 4: one routed and one shared expert a token, attention in chunks but for every fourth layer, a vision tower."""

from __future__ import annotations

from itertools import chain

from ...blocks.mlp import DenseMlp
from ...model_shape import ModelShape
from ...tensors import Mlp
from ..config import Config
from ..decoder import attention, decoder, mixture, num_hidden_layers, stack
from ..family import Family
from ..llama import NORMS
from .encoder_layers import blocks
from .parts import Counted, beside, required, text_section, weight


def llama4_text(config: Config) -> ModelShape:
    """Meta 2025; transformers modeling_llama4.py: heads are normed without weights, chunks are cached like windows."""
    config.ignore("use_qk_norm", "floor_scale", "attn_scale", "attn_temperature_tuning", "for_llm_compressor")
    count, bias = num_hidden_layers(config), config.flag("attention_bias")
    rotary, interval = config.whole_list("no_rope_layers", count), config.whole("no_rope_layer_interval")
    rotary = rotary or tuple(int((i + 1) % interval != 0) for i in range(count))
    kinds = config.names("layer_types", count, ("full_attention", "chunked_attention"))
    chunked = [kind == "chunked_attention" for kind in kinds] or [bool(flag) for flag in rotary]
    full = attention(config, bias=bias)
    chunk = attention(config, window=config.optional("attention_chunk_size"), bias=bias)
    mixers = [chunk if is_chunked else full for is_chunked in chunked]
    return decoder(config, stack(config, mixers, _mlps(config, count), NORMS))


def _mlps(config: Config, count: int) -> list[Mlp]:
    """Experts in the layers that `moe_layers` lists, else in every `interleave_moe_layer_step`-th one."""
    stated, dense = config.raw("moe_layers") is not None, DenseMlp(config.whole("intermediate_size_mlp"))
    step = 1 if stated else config.whole("interleave_moe_layer_step")
    sparse = config.whole_list("moe_layers") if stated else range(step - 1, count, step)
    config.ignore("interleave_moe_layer_step", "num_local_experts", "num_experts_per_tok", "intermediate_size")
    if not sparse:
        return [dense] * count
    width = config.whole("intermediate_size")
    moe = mixture(config, "num_local_experts", width="intermediate_size", shared_intermediate_size=width)
    return [moe if i in sparse else dense for i in range(count)]


def llama4(config: Config) -> ModelShape:
    """The language model, its vision tower, and the projector between them."""
    text, vision = text_section(config, TEXT), required(config, "vision_config", VISION)
    projector = weight("projector", text.whole("hidden_size"), vision.whole("vision_output_dim"))
    return beside(llama4_text, text, vision, vision=chain(_vision(vision), projector))


def _vision(config: Config) -> Counted:
    config.must_be("model_type", "llama4_vision_model")
    config.must_be("multi_modal_projector_bias", False)
    config.ignore("num_attention_heads", "vision_feature_layer")
    width, mlp, layers = config.wholes("hidden_size", "intermediate_size", "num_hidden_layers")
    patch = config.whole("patch_size")
    yield from weight("class_embedding", width)
    yield from weight("position_embedding", (config.whole("image_size") // patch) ** 2 + 1, width)
    yield from weight("patch_embedding", width, config.whole("num_channels") * patch**2)
    yield from weight("layernorm_pre layernorm_post", width, bias=True)
    yield from blocks(layers, width, mlp)
    out = config.whole("projector_output_dim")
    yield from weight("adapter.fc1", config.whole("projector_input_dim"), mlp)
    yield from weight("adapter.fc2", out, out)


TEXT = {
    "model_type": "llama4_text", "vocab_size": 202048, "hidden_size": 5120, "intermediate_size": 8192,
    "intermediate_size_mlp": 16384, "num_hidden_layers": 48, "num_attention_heads": 40, "num_key_value_heads": 8,
    "head_dim": 128, "max_position_embeddings": 131072, "tie_word_embeddings": False, "num_experts_per_tok": 1,
    "num_local_experts": 16, "interleave_moe_layer_step": 1, "no_rope_layer_interval": 4, "attention_chunk_size": 8192,
}  # fmt: skip
VISION = {
    "hidden_size": 768, "num_hidden_layers": 34, "num_attention_heads": 16, "num_channels": 3,
    "intermediate_size": 5632, "vision_output_dim": 7680, "image_size": 448, "patch_size": 14,
    "projector_input_dim": 4096, "projector_output_dim": 4096,
}  # fmt: skip

FAMILIES = (Family("llama4", llama4, {}), Family("llama4_text", llama4_text, TEXT))
