"""DeepSeek-V4: windows beside compressed pasts, hash-routed first layers, several residual streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..blocks.compressed_attention import CompressedAttention, HyperConnections
from ..blocks.mlp import MixtureOfExperts
from ..model_shape import LayerGroup, ModelShape
from ..tensors import Tensor
from .config import Config
from .decoder import decoder, grouped, num_hidden_layers
from .family import Family
from .llama import NORMS

CSA, HCA = "compressed_sparse_attention", "heavily_compressed_attention"
KINDS = {0: "sliding_attention", 4: CSA, 128: HCA}


def deepseek_v4(config: Config) -> ModelShape:
    """DeepSeek-AI 2026; transformers modeling_deepseek_v4.py. Norms, sinks and streams stay in float32."""
    config.must_be("attention_bias", False)
    config.must_be("mlp_bias", False)
    config.must_be("num_key_value_heads", 1)
    config.must_be("n_shared_experts", 1)
    config.ignore("num_nextn_predict_layers", "index_topk", "compress_rope_theta", "expert_dtype")
    config.ignore("qk_rope_head_dim", "hc_sinkhorn_iters", "head_dim", "compress_rates", "intermediate_size")
    count, hidden_size = num_hidden_layers(config), config.whole("hidden_size")
    mixers = {kind: _attention(config, kind) for kind in set(_layer_types(config))}
    moe = MixtureOfExperts(
        config.whole(config.spelled("n_routed_experts", "num_local_experts")),
        config.whole("num_experts_per_tok"),
        config.whole(config.spelled("moe_intermediate_size", "intermediate_size")),
        shared_intermediate_size=config.whole(config.spelled("moe_intermediate_size", "intermediate_size")),
        correction_bias=True,
    )
    hashed = replace(moe, correction_bias=False, hash_rows=config.whole("vocab_size"))
    streams = HyperConnections(config.whole("hc_mult"))
    norms = tuple(Tensor(role, hidden_size, part="norms", pinned="fp32") for role in NORMS)
    pairs = list(zip(_layer_types(config), _mlp_types(config, count), strict=True))

    def layer(index: int) -> LayerGroup:
        kind, mlp = pairs[index]
        around = (*norms, *streams.tensors(hidden_size))
        return LayerGroup((0,), mixers[kind], hashed if mlp == "hash_moe" else moe, around)

    shape = decoder(config, grouped(pairs, layer))
    head = tuple(replace(tensor, pinned="fp32") if tensor.role == "norm" else tensor for tensor in shape.head)
    return replace(shape, head=(*head, *streams.head(hidden_size)))


def _attention(config: Config, kind: str) -> CompressedAttention:
    rates = config.raw("compress_rates")
    rates = {CSA: 4, HCA: 128} if rates is None else rates
    if not isinstance(rates, Mapping):
        raise config.error("compress_rates", "expected a mapping of layer types", "check the file")
    rate = config.optional({CSA: "compress_rate_csa", HCA: "compress_rate_hca"}.get(kind, "compress_rate"))
    sparse = kind == CSA
    return CompressedAttention(
        config.whole("num_attention_heads"),
        config.whole("head_dim"),
        config.whole("q_lora_rank"),
        config.whole("o_groups"),
        config.whole("o_lora_rank"),
        config.whole("sliding_window"),
        compress_rate=0 if kind == KINDS[0] else rate or Config(rates, config.where).whole(kind),
        index_n_heads=config.whole("index_n_heads") if sparse else 0,
        index_head_dim=config.whole("index_head_dim") if sparse else 0,
    )


def _layer_types(config: Config) -> tuple[str, ...]:
    """`layer_types`, or `compress_ratios` with an entry for each layer and perhaps for those not loaded, or the default."""
    count = num_hidden_layers(config)
    ratios = config.whole_list("compress_ratios")
    stated = config.raw("layer_types")
    if stated is not None:
        length = len(stated) if isinstance(stated, (list, tuple)) else count
        return config.names("layer_types", max(length, count), tuple(KINDS.values()))[:count]
    if not ratios:
        return tuple(CSA if i >= 2 and i % 2 else HCA for i in range(count))
    if len(ratios) < count or set(ratios) - set(KINDS):
        raise config.error("compress_ratios", "expected 0, 4 or 128 for each layer", "check the file")
    return tuple(KINDS[ratio] for ratio in ratios[:count])


def _mlp_types(config: Config, count: int) -> tuple[str, ...]:
    first = config.whole("num_hash_layers", 3, least=0)
    stated = config.names("mlp_layer_types", count, ("hash_moe", "moe"))
    return stated or tuple("hash_moe" if i < first else "moe" for i in range(count))


FAMILIES = (
    Family("deepseek_v4", deepseek_v4, {
        "vocab_size": 129280, "hidden_size": 4096, "moe_intermediate_size": 2048, "num_hidden_layers": 43,
        "num_attention_heads": 64, "head_dim": 512, "q_lora_rank": 1024, "num_experts_per_tok": 6,
        "n_routed_experts": 256, "max_position_embeddings": 1048576, "hc_mult": 4, "sliding_window": 128,
        "o_groups": 8, "o_lora_rank": 1024, "index_n_heads": 64, "index_head_dim": 128, "tie_word_embeddings": False,
    }),
)  # fmt: skip
