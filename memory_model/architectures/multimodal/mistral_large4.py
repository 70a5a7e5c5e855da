"""Mistral Large 4: latent attention over picked keys, layers that share latent rows, and the Pixtral vision tower."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from ...blocks.latent_attention import LatentAttention
from ...model_shape import ModelShape
from ...tensors import Tensor
from ..config import Config
from ..decoder import decoder, mixture, num_hidden_layers, routed, sparse_layers, stack
from ..deepseek import latent_attention
from ..deepseek_sparse import KINDS, indexed, indexers
from ..family import Family
from ..llama import NORMS
from .mistral3 import PIXTRAL, merging_projector, pixtral
from .parts import beside, required, text_section


def mistral_large4(config: Config) -> ModelShape:
    """Mistral AI 2026; transformers modeling_mistral_large4.py; Mistral Small 3.1's tower and projector."""
    text, vision = text_section(config, TEXT, tied=False), required(config, "vision_config", PIXTRAL)
    towers = chain(pixtral(vision), merging_projector(config, vision, text))
    return beside(mistral_large4_text, text, vision, vision=towers)


def mistral_large4_text(config: Config) -> ModelShape:
    """An indexer reads the layer's input, since queries are not compressed; every fourth layer has no rotation."""
    count, first = num_hidden_layers(config), config.whole("first_k_dense_replace", least=0)
    config.names("layer_types", count, KINDS)
    config.ignore("index_topk", "head_dim", "qk_head_dim")
    config.must_be("q_lora_rank", None)
    moe = mixture(
        config, "n_routed_experts", "num_local_experts", "num_experts", shared=config.whole("n_shared_experts")
    )
    mlps = routed(config, replace(moe, router_pinned="fp32"), sparse_layers(config, lambda i: i >= first))
    shape = decoder(config, stack(config, _mixers(config, count), mlps, NORMS))
    rotated = config.whole("qk_rope_head_dim") // 2
    learned = Tensor("rotary_emb.alpha", rotated, pinned="fp32", buffer=True)
    return replace(shape, head=(*shape.head, learned))


def _mixers(config: Config, count: int) -> list[LatentAttention]:
    plain = replace(latent_attention(config), scales_queries=True)
    interval = config.whole("no_rope_layer_interval")
    rotates = config.whole_list("no_rope_layers", count) or [int((i + 1) % interval != 0) for i in range(count)]
    sources = config.whole_list("kv_source_layers", count) or range(count)
    picks = indexers(config)
    mixers: list[LatentAttention] = []
    for i in range(count):
        mixer = replace(plain, shares_kv=sources[i] != i)
        if not rotates[i]:
            mixer = replace(mixer, qk_nope_head_dim=mixer.head_dim, qk_rope_head_dim=0)
        mixers.append(indexed(config, mixer) if picks[i] == "full" else mixer)
    return mixers


TEXT = {
    "model_type": "mistral_large4_text", "vocab_size": 204800, "hidden_size": 6144, "intermediate_size": 24576,
    "moe_intermediate_size": 6144, "num_hidden_layers": 72, "num_attention_heads": 64, "num_key_value_heads": 64,
    "n_shared_experts": 1, "n_routed_experts": 128, "kv_lora_rank": 512, "qk_rope_head_dim": 64, "v_head_dim": 128,
    "qk_nope_head_dim": 64, "num_experts_per_tok": 4, "max_position_embeddings": 1048576, "index_head_dim": 128,
    "index_n_heads": 32, "first_k_dense_replace": 1, "no_rope_layer_interval": 4, "tie_word_embeddings": False,
}  # fmt: skip

FAMILIES = (
    Family("mistral_large4", mistral_large4, {}),
    Family("mistral_large4_text", mistral_large4_text, TEXT),
)
