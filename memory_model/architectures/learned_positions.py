"""GPT-2, OPT, BioGPT, XGLM: LayerNorms with bias, plain MLPs, an embedding for each position, learned but for XGLM."""

from __future__ import annotations

from ..blocks.attention import Attention
from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from .config import Config
from .decoder import decoder, stack
from .family import Family
from .llama import NORMS


def gpt2(config: Config) -> ModelShape:
    """Radford et al. 2019; transformers modeling_gpt2.py. Its config names the dimensions n_embd, n_layer, n_head."""
    config.must_be("add_cross_attention", False)
    names = {"hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head"}
    standard = {"max_position_embeddings": "n_positions"} | names
    keys = {new: config.raw(new if new in config.keys else old) for new, old in standard.items()}
    keys |= {key: config.raw(key) for key in ("model_type", "vocab_size", "tie_word_embeddings")}
    named = Config(keys, config.where, {"tie_word_embeddings": True})
    hidden_size, heads = named.whole("hidden_size"), named.whole("num_attention_heads")
    mixer = _multi_head(config, hidden_size, heads, bias=True, fused=True)
    mlp = DenseMlp(config.whole("n_inner", 4 * hidden_size), gated=False, bias=True)
    layers = stack(named, mixer, mlp, NORMS, bias=True)
    return decoder(named, layers, norm_bias=True, positions=named.whole("max_position_embeddings"))


def opt(config: Config) -> ModelShape:
    """Zhang et al. 2022, arXiv:2205.01068; transformers modeling_opt.py: two more position rows than positions."""
    config.must_be("do_layer_norm_before", True)
    config.must_be("_remove_final_layer_norm", False)
    config.must_be("layer_norm_elementwise_affine", True)
    hidden_size, heads = config.whole("hidden_size"), config.whole("num_attention_heads")
    if config.whole("word_embed_proj_dim", hidden_size) != hidden_size:
        raise config.error("word_embed_proj_dim", "differs from hidden_size", "only equal widths are understood")
    bias = config.flag("enable_bias", otherwise=True)
    mixer = _multi_head(config, hidden_size, heads, bias=bias, fused=False)
    mlp = DenseMlp(config.whole("ffn_dim"), gated=False, bias=bias)
    layers = stack(config, mixer, mlp, NORMS, bias=True)
    return decoder(config, layers, norm_bias=True, positions=config.whole("max_position_embeddings") + 2)


def biogpt(config: Config) -> ModelShape:
    """Luo et al. 2022, arXiv:2210.10341; transformers modeling_biogpt.py: two more position rows than positions."""
    hidden_size, heads = config.whole("hidden_size"), config.whole("num_attention_heads")
    config.ignore("scale_embedding", "activation_dropout")
    return _biased(config, config, hidden_size, heads, "intermediate_size", config.whole("max_position_embeddings") + 2)


def xglm(config: Config) -> ModelShape:
    """Lin et al. 2021, arXiv:2112.10668; transformers modeling_xglm.py: sinusoidal positions in a buffer."""
    config.must_be("add_cross_attention", False)
    config.ignore("scale_embedding", "decoder_start_token_id")
    names = {"hidden_size": "d_model", "num_hidden_layers": "num_layers", "num_attention_heads": "attention_heads"}
    keys = {new: config.raw(new if config.keys.get(new) is not None else old) for new, old in names.items()}
    config.ignore(*names)
    keys |= {key: config.raw(key) for key in ("model_type", "vocab_size", "tie_word_embeddings")}
    keys["max_position_embeddings"] = config.raw("max_position_embeddings")
    named = Config(keys, config.where)
    return _biased(config, named, named.whole("hidden_size"), named.whole("num_attention_heads"), "ffn_dim", 0)


def _biased(config: Config, named: Config, hidden_size: int, heads: int, inner: str, positions: int) -> ModelShape:
    """Biases on every matrix, two norms a layer and one behind the last."""
    mixer = _multi_head(config, hidden_size, heads, bias=True, fused=False)
    mlp = DenseMlp(config.whole(inner), gated=False, bias=True)
    layers = stack(named, mixer, mlp, NORMS, bias=True)
    return decoder(named, layers, norm_bias=True, positions=positions)


def _multi_head(config: Config, hidden_size: int, heads: int, *, bias: bool, fused: bool) -> Attention:
    if hidden_size % heads:
        raise config.error(
            "num_attention_heads", f"{heads} does not divide hidden_size {hidden_size}", "check the file"
        )
    head_dim = hidden_size // heads
    return Attention(heads, heads, head_dim, head_dim, qkv_bias=bias, o_bias=bias, fused=fused)


FAMILIES = (
    Family("gpt2", gpt2, {
        "vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12,
        "tie_word_embeddings": True,
    }),
    Family("opt", opt, {
        "vocab_size": 50272, "hidden_size": 768, "num_hidden_layers": 12, "ffn_dim": 3072, "num_attention_heads": 12,
        "max_position_embeddings": 2048, "word_embed_proj_dim": 768, "tie_word_embeddings": True,
    }),
    Family("biogpt", biogpt, {
        "vocab_size": 42384, "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
        "intermediate_size": 4096, "max_position_embeddings": 1024, "tie_word_embeddings": True,
    }),
    Family("xglm", xglm, {
        "vocab_size": 256008, "max_position_embeddings": 2048, "d_model": 1024, "ffn_dim": 4096, "num_layers": 24,
        "attention_heads": 16, "tie_word_embeddings": True,
    }),
)  # fmt: skip
