"""DeepSeek-V3.2, A.X K2 and GLM-5: latent attention over the keys that an indexer picks; GLM's later layers share a pick."""

from __future__ import annotations

from dataclasses import fields, replace

from ..blocks.latent_attention import LatentAttention
from ..blocks.mlp import MixtureOfExperts
from ..blocks.sparse_attention import IndexedLatentAttention
from ..model_shape import LayerGroup, ModelShape
from ..tensors import Tensor
from .config import Config
from .decoder import num_hidden_layers, sparse_layers
from .deepseek import latent_attention
from .family import Family
from .latent import latent_experts

KINDS = ("indexed_attention", "deepseek_sparse_attention")


def deepseek_v32(config: Config) -> ModelShape:
    """DeepSeek-AI 2025, arXiv:2512.02556; transformers modeling_deepseek_v32.py: an indexer in every layer."""
    return _sparse(config, ["full"] * num_hidden_layers(config))


def glm_moe_dsa(config: Config) -> ModelShape:
    """GLM Team 2026, arXiv:2602.15763; transformers modeling_glm_moe_dsa.py: `shared` layers reuse the last full pick."""
    config.ignore("index_share_for_mtp_iteration", "indexer_rope_interleave")
    return _sparse(config, indexers(config))


def axk2(config: Config) -> ModelShape:
    """SK Telecom 2026; transformers modeling_axk2.py: gated queries, and norms that a small MLP gates.

    The norm before a dense MLP has no gate.
    """
    count, rank = num_hidden_layers(config), config.whole("gated_norm_rank")
    first, every = config.whole("first_k_dense_replace", 1, least=0), config.whole("moe_layer_freq", 1)
    if config.keys.get("mlp_layer_types") is None:
        kinds = ["sparse" if i >= first and i % every == 0 else "dense" for i in range(count)]
        config = config.changed(mlp_layer_types=kinds, moe_layer_freq=None)
    shape = _sparse(config, ["full"] * count)
    return replace(shape, layers=tuple(_gated(group, shape.hidden_size, rank) for group in shape.layers))


def _gated(group: LayerGroup, hidden_size: int, rank: int) -> LayerGroup:
    sparse = isinstance(group.mlp, MixtureOfExperts)
    names = ("input_layernorm", "post_attention_layernorm") if sparse else ("input_layernorm",)
    gates = tuple(
        tensor
        for name in names
        for tensor in (
            Tensor(f"{name}.mlp.fc1", rank, hidden_size, part="norms"),
            Tensor(f"{name}.mlp.fc2", hidden_size, rank, part="norms"),
        )
    )
    mixer = replace(group.mixer, query_gate=True) if isinstance(group.mixer, LatentAttention) else group.mixer
    return replace(group, mixer=mixer, around=(*group.around, *gates))


def indexed(config: Config, plain: LatentAttention) -> IndexedLatentAttention:
    """The same attention with an indexer of its own."""
    parts = {field.name: getattr(plain, field.name) for field in fields(plain)}
    heads, size = config.wholes("index_n_heads", "index_head_dim")
    return IndexedLatentAttention(**parts, index_n_heads=heads, index_head_dim=size)


def indexers(config: Config) -> list[str]:
    """Which layers have an indexer (`full`), and which take what an earlier one picked (`shared`)."""
    count = num_hidden_layers(config)
    config.ignore("index_topk_pattern", "index_topk_freq", "index_skip_topk_offset")
    stated = config.names("indexer_types", count, ("full", "shared"))
    if stated:
        return list(stated)
    pattern = config.raw("index_topk_pattern")
    if pattern is not None:
        if not isinstance(pattern, str) or len(pattern) != count or set(pattern) - {"F", "S"}:
            raise config.error("index_topk_pattern", "expected one letter F or S a layer", "state indexer_types")
        return ["full" if letter == "F" else "shared" for letter in pattern]
    every = max(config.whole("index_topk_freq", 1, least=0), 1)
    offset = config.whole("index_skip_topk_offset", 2, least=0)
    return ["full" if max(i - offset + 1, 0) % every == 0 else "shared" for i in range(count)]


def _sparse(config: Config, indexers: list[str]) -> ModelShape:
    count = num_hidden_layers(config)
    config.names("layer_types", count, KINDS)
    config.ignore("index_topk")
    plain = latent_attention(config)
    if plain.q_lora_rank is None:
        raise config.error("q_lora_rank", "missing", "the indexer reads the compressed query; state its width")
    full = indexed(config, plain)
    mixers: list[LatentAttention] = [full if kind == "full" else plain for kind in indexers]
    first = config.whole("first_k_dense_replace", least=0)
    return latent_experts(config, mixers, sparse_layers(config, lambda i: i >= first), correction_bias=True)


_V32 = {
    "vocab_size": 129280, "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048,
    "num_hidden_layers": 61, "num_attention_heads": 128, "n_shared_experts": 1, "n_routed_experts": 256,
    "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64, "v_head_dim": 128, "qk_nope_head_dim": 128,
    "num_experts_per_tok": 8, "max_position_embeddings": 163840, "tie_word_embeddings": False,
    "first_k_dense_replace": 3, "index_head_dim": 128, "index_n_heads": 64,
}  # fmt: skip

FAMILIES = (
    Family("deepseek_v32", deepseek_v32, _V32),
    Family("axk2", axk2, {
        "vocab_size": 163840, "hidden_size": 2048, "intermediate_size": 5120, "moe_intermediate_size": 512,
        "num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 32, "n_shared_experts": 1,
        "n_routed_experts": 128, "kv_lora_rank": 128, "q_lora_rank": 384, "qk_rope_head_dim": 32, "v_head_dim": 64,
        "qk_nope_head_dim": 64, "num_experts_per_tok": 8, "max_position_embeddings": 131072,
        "tie_word_embeddings": False, "index_head_dim": 128, "index_n_heads": 16, "gated_norm_rank": 16,
        "first_k_dense_replace": 1,
    }),
    Family("glm_moe_dsa", glm_moe_dsa, _V32 | {
        "vocab_size": 154880, "hidden_size": 6144, "intermediate_size": 12288, "num_hidden_layers": 78,
        "num_attention_heads": 64, "q_lora_rank": 2048, "v_head_dim": 256, "qk_nope_head_dim": 192,
        "max_position_embeddings": 202752, "index_n_heads": 32,
    }),
)  # fmt: skip
