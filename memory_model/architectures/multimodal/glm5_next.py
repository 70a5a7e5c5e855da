"""GLM-5.3-Flash: Kimi Delta Attention beside latent attention over picked pools of keys, residual streams, a tower."""

from __future__ import annotations

from dataclasses import replace

from ...blocks.compressed_attention import HyperConnections
from ...blocks.kimi_delta import KimiDeltaAttention
from ...model_shape import ModelShape
from ...tensors import Mixer
from ..config import Config
from ..decoder import num_hidden_layers, sparse_layers, with_tensors
from ..deepseek import latent_attention
from ..deepseek_sparse import indexed, indexers
from ..family import Family
from ..latent import latent_experts
from .glm4v import OCR_VISION, glm_ocr_vision
from .parts import beside, required, text_section

KINDS = ("linear_attention", "indexed_attention", "full_attention")


def glm5_next(config: Config) -> ModelShape:
    """Z.ai 2026; transformers modeling_glm5_next.py."""
    text, vision = text_section(config, TEXT, tied=False), required(config, "vision_config", VISION)
    return beside(glm5_next_text, text, vision, vision=glm_ocr_vision(vision))


def glm5_next_text(config: Config) -> ModelShape:
    """No positions; an indexer caches a key and a gate for each token, and picks pools of tokens."""
    count = num_hidden_layers(config)
    config.ignore("index_topk", "linear_attn_config")
    plain = latent_attention(config)
    full = replace(indexed(config, plain), index_kpool=config.whole("index_kpool"))
    linear = config.section("linear_attn_config", {}) or Config({}, config.where)
    recurrent = KimiDeltaAttention(
        linear.whole("num_heads", config.whole("linear_num_heads")),
        linear.whole("head_dim", config.whole("linear_head_dim")),
        linear.whole("short_conv_kernel_size", config.whole("linear_conv_kernel_dim")),
        float32_taps=True,
    )
    kinds = config.names("layer_types", count, KINDS) or [KINDS[i % 4 == 3] for i in range(count)]
    attention = [full if pick == "full" else plain for pick in indexers(config)]
    mixers: list[Mixer] = [recurrent if kind == KINDS[0] else attention[i] for i, kind in enumerate(kinds)]
    shape = latent_experts(config, mixers, sparse_layers(config, lambda i: i > 2), correction_bias=True)
    streams = tuple(HyperConnections(config.whole("hc_mult"), mixers_pinned="").tensors(shape.hidden_size))
    return replace(shape, layers=with_tensors(shape.layers, *streams))


TEXT = {
    "model_type": "glm5_next_text", "vocab_size": 154880, "hidden_size": 4096, "intermediate_size": 12288,
    "moe_intermediate_size": 2048, "num_hidden_layers": 45, "num_attention_heads": 64, "n_shared_experts": 1,
    "n_routed_experts": 288, "num_experts_per_tok": 8, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 0,
    "qk_nope_head_dim": 256, "v_head_dim": 256, "index_head_dim": 128, "index_n_heads": 32, "index_kpool": 16,
    "linear_head_dim": 128, "linear_num_heads": 64, "linear_conv_kernel_dim": 4, "hc_mult": 4,
    "max_position_embeddings": 1048576, "tie_word_embeddings": False,
}  # fmt: skip
VISION = OCR_VISION | {"projection_intermediate_size": 10240}

FAMILIES = (
    Family("glm5_next", glm5_next, {}),
    Family("glm5_next_text", glm5_next_text, TEXT),
)
