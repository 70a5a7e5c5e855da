"""Hy4: latent attention over the keys that an indexer picks, gated and with sinks, and several residual streams."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.compressed_attention import HyperConnections
from ..blocks.latent_attention import LatentAttention
from ..model_shape import ModelShape
from .config import Config
from .decoder import num_hidden_layers, sparse_layers, with_tensors
from .deepseek import latent_attention
from .deepseek_sparse import KINDS, indexed
from .family import Family
from .latent import latent_experts


def hy_v4(config: Config) -> ModelShape:
    """Tencent 2026; transformers modeling_hy_v4.py. Streams, sinks and parts of the indexers stay in float32."""
    count = num_hidden_layers(config)
    config.names("layer_types", count, KINDS)
    config.ignore("index_topk")
    plain = replace(latent_attention(config), output_gate=True, sinks=True)
    full = replace(indexed(config, plain), indexer_pinned="fp32")
    stated = config.names("indexer_types", count, ("full", "shared"))
    picks = stated or ["full" if i == 0 or i % 4 == 1 else "shared" for i in range(count)]
    mixers: list[LatentAttention] = [full if pick == "full" else plain for pick in picks]
    shape = latent_experts(config, mixers, sparse_layers(config, lambda i: i > 0), correction_bias=True)
    streams, width = HyperConnections(config.whole("hc_mult"), independent=True), shape.hidden_size
    groups = with_tensors(shape.layers, *streams.tensors(width))
    head = (replace(tensor, pinned="fp32") if tensor.role == "lm_head" else tensor for tensor in shape.head)
    return replace(shape, layers=groups, head=(*head, *streams.head(width)))


FAMILIES = (
    Family(
        "hy_v4",
        hy_v4,
        {
            "vocab_size": 120832, "hidden_size": 2816, "intermediate_size": 6912, "moe_intermediate_size": 768,
            "num_hidden_layers": 34, "num_attention_heads": 32, "n_routed_experts": 256, "n_shared_experts": 1,
            "num_experts_per_tok": 8, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 192,
            "qk_rope_head_dim": 64, "v_head_dim": 256, "index_head_dim": 128, "index_n_heads": 16, "hc_mult": 4,
            "max_position_embeddings": 262144, "tie_word_embeddings": False,
        },
    ),
)  # fmt: skip
