"""MiniMax-M3: grouped queries over the blocks that an indexer picks, experts with a shared one, a vision tower."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from ...blocks.mlp import DenseMlp
from ...blocks.sparse_attention import BlockSparseAttention
from ...model_shape import ModelShape
from ..config import Config
from ..decoder import attention, decoder, mixture, num_hidden_layers, stack
from ..family import Family
from ..llama import NORMS
from .encoder_layers import blocks, projector
from .parts import Counted, beside, required, text_section, weight


def minimax_m3_text(config: Config) -> ModelShape:
    """MiniMax 2026; transformers modeling_minimax_m3_vl.py: norms on every head, half of each rotated."""
    for key, value in (("use_qk_norm", True), ("use_routing_bias", True), ("attention_output_gate", False)):
        config.must_be(key, value)
    config.must_be("qk_norm_type", "per_head")
    config.must_be("n_shared_experts", 1)
    config.ignore("num_mtp_modules", "index_local_blocks")  # not loaded; picked as any others
    count = num_hidden_layers(config)
    full = attention(config, qk_norm="head")
    full = replace(full, rotary_dim=config.whole("rotary_dim"))
    section = config.section("sparse_attention_config")
    sparse_keys = section if section is not None else Config({}, config.where)
    frequency = sparse_keys.whole_list("sparse_attention_freq", count)
    stated = config.names("layer_types", count, ("full_attention", "minimax_m3_sparse"))
    indexed = [kind == "minimax_m3_sparse" for kind in stated] or [bool(flag) for flag in frequency] or [False] * count
    heads = sparse_keys.whole("sparse_num_index_heads", config.whole("index_n_heads"))
    width = sparse_keys.whole("sparse_index_dim", config.whole("index_head_dim"))
    block = sparse_keys.whole("sparse_block_size", config.whole("index_block_size"))
    picked = sparse_keys.whole("sparse_topk_blocks", config.whole("index_topk_blocks"))
    sparse = BlockSparseAttention(
        full.num_attention_heads, full.num_key_value_heads, full.head_dim, full.v_head_dim, full.rotary_dim,
        qk_norm="head", index_n_heads=heads, index_head_dim=width, index_block_size=block, index_topk_blocks=picked,
    )  # fmt: skip
    shared, counted = config.whole("shared_intermediate_size"), ("num_local_experts", "num_experts")
    moe = mixture(config, *counted, width="intermediate_size", shared_intermediate_size=shared, correction_bias=True)
    dense = DenseMlp(config.whole("dense_intermediate_size"), fused=True)
    kinds = config.names("mlp_layer_types", count, ("dense", "sparse"))
    routed = [kind == "sparse" for kind in kinds] or [bool(f) for f in config.whole_list("moe_layer_freq", count)]
    routed = routed or [True] * count
    mixers = [sparse if flag else full for flag in indexed]
    return decoder(config, stack(config, mixers, [moe if flag else dense for flag in routed], NORMS))


def minimax_m3_vl(config: Config) -> ModelShape:
    """The language model, its vision tower, and a projector that merges squares of patches."""
    text, vision = text_section(config, TEXT), required(config, "vision_config", VISION)
    config.must_be("multimodal_projector_bias", True)
    config.must_be("num_reward_heads", 0)
    config.ignore(
        "image_seq_length",
        "merged_hidden_size",
        "image_grid_pinpoints",
        "vision_feature_layer",
        "img_token_compression_config",
    )
    return beside(minimax_m3_text, text, vision, vision=chain(_vision(vision), _projector(config, vision, text)))


def _vision(config: Config) -> Counted:
    config.must_be("position_embedding_type", "rope")
    config.ignore("num_attention_heads", "image_size", "projection_dim", "img_token_compression_config", "vocab_size")
    config.ignore("vision_segment_max_frames", "initializer_factor")
    width, mlp, layers = config.wholes("hidden_size", "intermediate_size", "num_hidden_layers")
    patch = config.whole("num_channels") * config.whole("temporal_patch_size") * config.whole("patch_size") ** 2
    yield from weight("patch_embedding", width, patch)
    yield from weight("pre_layrnorm", width, bias=True)
    yield from blocks(layers, width, mlp)


def _projector(config: Config, vision: Config, text: Config) -> Counted:
    inner, hidden_size = config.whole("projector_hidden_size", 6144), text.whole("hidden_size")
    merged = hidden_size * vision.whole("spatial_merge_size") ** 2
    yield from projector(vision.whole("hidden_size"), inner, hidden_size)
    yield from weight("projector.merge_linear_1", inner, merged, bias=True)
    yield from weight("projector.merge_linear_2", hidden_size, inner, bias=True)


TEXT = {
    "model_type": "minimax_m3_vl_text", "vocab_size": 200064, "hidden_size": 6144, "intermediate_size": 3072,
    "num_hidden_layers": 60, "num_attention_heads": 64, "num_key_value_heads": 4, "head_dim": 128,
    "max_position_embeddings": 524288, "tie_word_embeddings": False, "num_experts_per_tok": 4,
    "num_local_experts": 128, "dense_intermediate_size": 12288, "shared_intermediate_size": 3072, "rotary_dim": 64,
    "index_n_heads": 4, "index_head_dim": 128, "index_block_size": 128, "index_topk_blocks": 16,
}  # fmt: skip
VISION = {
    "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 16,
    "num_channels": 3, "patch_size": 14, "temporal_patch_size": 2, "spatial_merge_size": 2,
}  # fmt: skip

FAMILIES = (
    Family("minimax_m3_vl", minimax_m3_vl, {}),
    Family("minimax_m3_vl_text", minimax_m3_text, TEXT),
)
