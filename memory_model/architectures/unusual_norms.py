"""Llama's layout with other norms: without weights (OLMo, nanochat), or more than two (HyperCLOVA X, BitNet)."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from ..tensors import norm
from .config import Config
from .decoder import attention, decoder, stack, with_tensors
from .family import Family
from .llama import LLAMA, NORMS

POST_NORMS = ("post_norm1", "post_norm2")


def olmo(config: Config) -> ModelShape:
    """Groeneveld et al. 2024, arXiv:2402.00838; transformers modeling_olmo.py: norms have no weights."""
    config.ignore("clip_qkv")  # clamped in place
    mixer = attention(config, bias=config.flag("attention_bias"))
    mlp = DenseMlp(config.whole("intermediate_size"))
    return without_final_norm(decoder(config, stack(config, mixer, mlp, ())))


def hyperclovax(config: Config) -> ModelShape:
    """NAVER 2025; transformers modeling_hyperclovax.py: norms behind too (`use_post_norm`), constant multipliers."""
    mixer = attention(config, bias=config.flag("attention_bias"))
    mlp = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"))
    norms = (*NORMS, *POST_NORMS) if config.flag("use_post_norm") else NORMS
    return decoder(config, stack(config, mixer, mlp, norms))


def nanochat(config: Config) -> ModelShape:
    """Karpathy 2025; transformers modeling_nanochat.py: no norm has weights, those of queries and keys included."""
    mixer = attention(config, bias=config.flag("attention_bias"), qk_norm="unweighted")
    mlp = DenseMlp(config.whole("intermediate_size"), gated=False)
    return without_final_norm(decoder(config, stack(config, mixer, mlp, ())))


def bitnet(config: Config) -> ModelShape:
    """Ma et al. 2025, arXiv:2504.12285; transformers modeling_bitnet.py: norms before the output matrices as well."""
    bias, inner = config.flag("attention_bias"), config.whole("intermediate_size")
    mixer = attention(config, bias=bias)
    if mixer.output_width != config.whole("hidden_size"):
        raise config.error("head_dim", "all heads are not as wide as hidden_size", "check the file")
    groups = stack(config, mixer, DenseMlp(inner), NORMS)
    behind = (*norm("attn_sub_norm", mixer.output_width), *norm("ffn_sub_norm", inner))
    return decoder(config, with_tensors(groups, *behind))


def helium(config: Config) -> ModelShape:
    """Kyutai 2025; transformers modeling_helium.py: the product with the norm's weight is in float32, too."""
    mixer = attention(config, qkv_bias=config.flag("attention_bias"))
    if mixer.output_width != config.whole("hidden_size"):
        raise config.error("head_dim", "all heads are not as wide as hidden_size", "check the file")
    mlp = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"))
    return decoder(config, stack(config, mixer, mlp, NORMS))


def without_final_norm(shape: ModelShape) -> ModelShape:
    """The same model where the last norm has no weight either."""
    return replace(shape, head=tuple(tensor for tensor in shape.head if tensor.part != "norms"))


FAMILIES = (
    Family("olmo", olmo, LLAMA | {"vocab_size": 50304}),
    Family("hyperclovax", hyperclovax, LLAMA | {"use_post_norm": True}),
    Family("nanochat", nanochat, {
        "vocab_size": 50304, "hidden_size": 768, "intermediate_size": 8192, "num_hidden_layers": 12,
        "num_attention_heads": 6, "max_position_embeddings": 2048, "tie_word_embeddings": False,
    }),
    Family("bitnet", bitnet, {
        "vocab_size": 128256, "hidden_size": 2560, "intermediate_size": 6912, "num_hidden_layers": 30,
        "num_attention_heads": 20, "num_key_value_heads": 5, "max_position_embeddings": 2048,
        "tie_word_embeddings": False,
    }),
    Family("helium", helium, {
        "vocab_size": 48000, "hidden_size": 2560, "intermediate_size": 7040, "num_hidden_layers": 24,
        "num_attention_heads": 20, "num_key_value_heads": 20, "head_dim": 128, "max_position_embeddings": 4096,
        "tie_word_embeddings": False,
    }),
)  # fmt: skip
