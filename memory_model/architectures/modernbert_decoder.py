"""ModernBERT as a decoder (Ettin): norms without bias, the first layer without one, a small network before the output."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.mlp import DenseMlp
from ..model_shape import LayerGroup, ModelShape
from ..tensors import Tensor, norm
from .config import Config
from .decoder import attention, decoder, grouped, layer, layer_types
from .family import Family

NORMS = ("attn_norm", "mlp_norm")


def modernbert_decoder(config: Config) -> ModelShape:
    """Weller et al. 2025, arXiv:2507.11412; transformers modeling_modernbert_decoder.py.

    Layers slide over half of `local_attention`, but every `global_attn_every_n_layers`-th.
    """
    config.must_be("head_dim", None)
    config.ignore("embedding_dropout", "classifier_dropout", "initializer_cutoff_factor", "classifier_pooling")
    config.ignore("sliding_window", "sparse_pred_ignore_index")  # the class sets the window itself
    every = config.whole("global_attn_every_n_layers", 3)
    local = config.optional("local_attention", least=2)
    kinds = layer_types(config, lambda i: i % every != 0)
    bias, hidden_size = config.flag("attention_bias"), config.whole("hidden_size")
    heads = config.whole("num_attention_heads")  # of keys and values as many, whatever the file says
    full = attention(config, num_key_value_heads=heads, qkv_bias=bias, o_bias=bias)
    sliding = replace(full, window=local // 2 if local else None)
    mlp = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"), fused=True)
    norm_bias = config.flag("norm_bias")

    def one(index: int) -> LayerGroup:
        mixer = sliding if kinds[index] == "sliding_attention" else full
        return layer(mixer, mlp, NORMS if index else NORMS[1:], hidden_size, bias=norm_bias)

    groups = grouped([(kind, i == 0) for i, kind in enumerate(kinds)], one)
    shape = decoder(config, groups, norm_bias=norm_bias, head_bias=config.flag("decoder_bias", otherwise=True))
    embedding_norm = tuple(norm("embedding_norm", hidden_size, bias=norm_bias))
    dense = [Tensor("head.dense", hidden_size, hidden_size, part="head")]
    if config.flag("classifier_bias"):
        dense.append(Tensor("head.dense.bias", hidden_size, part="head"))
    head = (*shape.head, *dense, *norm("head.norm", hidden_size, bias=norm_bias))
    return replace(shape, embeddings=(*shape.embeddings, *embedding_norm), head=head)


FAMILIES = (
    Family("modernbert-decoder", modernbert_decoder, {
        "vocab_size": 50368, "hidden_size": 768, "intermediate_size": 1152, "num_hidden_layers": 22,
        "num_attention_heads": 12, "max_position_embeddings": 8192, "local_attention": 128,
        "tie_word_embeddings": True,
    }),
)  # fmt: skip
