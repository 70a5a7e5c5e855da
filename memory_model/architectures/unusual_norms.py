"""Llama's layout with other norms: without weights (OLMo), or behind attention and MLP as well (HyperCLOVA X)."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from .config import Config
from .decoder import attention, decoder, uniform
from .family import Family
from .llama import LLAMA, NORMS

POST_NORMS = ("post_norm1", "post_norm2")


def olmo(config: Config) -> ModelShape:
    """Groeneveld et al. 2024, arXiv:2402.00838; transformers modeling_olmo.py: norms have no weights."""
    config.ignore("clip_qkv")  # clamped in place
    bias = config.flag("attention_bias")
    mixer = attention(config, qkv_bias=bias, o_bias=bias)
    mlp = DenseMlp(config.whole("intermediate_size"))
    return without_final_norm(decoder(config, uniform(config, mixer, mlp, ())))


def hyperclovax(config: Config) -> ModelShape:
    """NAVER 2025; transformers modeling_hyperclovax.py: norms behind too (`use_post_norm`), constant multipliers."""
    bias = config.flag("attention_bias")
    mixer = attention(config, qkv_bias=bias, o_bias=bias)
    mlp = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"))
    norms = (*NORMS, *POST_NORMS) if config.flag("use_post_norm") else NORMS
    return decoder(config, uniform(config, mixer, mlp, norms))


def without_final_norm(shape: ModelShape) -> ModelShape:
    """The same model where the last norm has no weight either."""
    return replace(shape, head=tuple(tensor for tensor in shape.head if tensor.part != "norms"))


FAMILIES = (
    Family("olmo", olmo, LLAMA | {"vocab_size": 50304}),
    Family("hyperclovax", hyperclovax, LLAMA | {"use_post_norm": True}),
)
