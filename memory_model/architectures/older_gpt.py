"""GPT, GPT-Neo, GPT-J, CodeGen and StarCoder's GPT-BigCode: LayerNorms with bias, plain MLPs, names of their own for the keys."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.attention import Attention
from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from .config import MOST_LAYERS, Config
from .decoder import decoder, num_hidden_layers, stack
from .family import Family
from .llama import NORMS

NAMES = {
    "hidden_size": "n_embd",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "max_position_embeddings": "n_positions",
}
NEO_NAMES = {"num_hidden_layers": "num_layers", "num_attention_heads": "num_heads"}


def gpt_bigcode(config: Config) -> ModelShape:
    """Li et al. 2023, arXiv:2305.06161; transformers modeling_gpt_bigcode.py: one KV head, learned positions."""
    config.must_be("add_cross_attention", False)
    config.ignore("pad_key_length", "max_batch_size", "max_sequence_length", "inference_runner")
    named = _named(config, NAMES)
    heads, width = _heads(named)
    kv_heads = 1 if config.flag("multi_query") else heads
    mixer = Attention(heads, kv_heads, width, width, qkv_bias=True, o_bias=True, fused=True)
    return _model(config, named, mixer, NORMS, positions=named.whole("max_position_embeddings"))


def openai_gpt(config: Config) -> ModelShape:
    """Radford et al. 2018; transformers modeling_openai.py: norms behind both halves, none at the end, and no cache."""
    config.ignore("n_ctx", "n_special", "predict_special_tokens")
    named = _named(config, NAMES)
    heads, width = _heads(named)
    mixer = Attention(heads, heads, width, width, qkv_bias=True, o_bias=True, fused=True)
    shape = _model(config, named, mixer, NORMS, positions=named.whole("max_position_embeddings"))
    return replace(shape, head=tuple(tensor for tensor in shape.head if tensor.part != "norms"))


def gptj(config: Config) -> ModelShape:
    """Wang and Komatsuzaki 2021; transformers modeling_gptj.py: attention and MLP side by side, a part of each head rotated."""
    return _rotated(config, fused=False)


def codegen(config: Config) -> ModelShape:
    """Nijkamp et al. 2022, arXiv:2203.13474; transformers modeling_codegen.py: GPT-J with one matrix of four slices."""
    config.ignore("n_ctx")
    return _rotated(config, fused=True)


def gpt_neo(config: Config) -> ModelShape:
    """Black et al. 2021; transformers modeling_gpt_neo.py: local layers look back `window_size` tokens and cache all."""
    named = _named(config, NEO_NAMES)
    heads, width = _heads(named)
    kinds = _attention_types(config)
    layers = num_hidden_layers(named)
    if len(kinds) != layers:
        raise config.error("attention_types", f"{len(kinds)} layers instead of {layers}", "check the file")
    config.ignore("window_size", "attention_layers")
    mixer = Attention(heads, heads, width, width, o_bias=True)
    return _model(
        config,
        named,
        mixer,
        NORMS,
        inner="intermediate_size",
        positions=named.whole("max_position_embeddings"),
    )


def _rotated(config: Config, *, fused: bool) -> ModelShape:
    named = _named(config, NAMES)
    heads, width = _heads(named)
    rotary_dim = config.whole("rotary_dim")
    if rotary_dim > width:
        raise config.error("rotary_dim", f"{rotary_dim} is more than a head of {width}", "check the file")
    if fused and heads % 4:
        raise config.error("n_head", f"{heads} does not divide into four slices", "check the file")
    mixer = Attention(heads, heads, width, width, rotary_dim, fused=fused)
    return _model(config, named, mixer, ("input_layernorm",), head_bias=True)


def _model(
    config: Config,
    named: Config,
    mixer: Attention,
    norms: tuple[str, ...],
    *,
    inner: str = "n_inner",
    positions: int = 0,
    head_bias: bool = False,
) -> ModelShape:
    hidden_size = named.whole("hidden_size")
    mlp = DenseMlp(config.whole(inner, 4 * hidden_size), gated=False, bias=True)
    layers = stack(named, mixer, mlp, norms, bias=True)
    return decoder(named, layers, norm_bias=True, positions=positions, head_bias=head_bias)


def _named(config: Config, names: dict[str, str]) -> Config:
    """The keys under the names that most families use; both are read."""
    keys = {new: config.raw(new if config.keys.get(new) is not None else old) for new, old in names.items()}
    config.ignore(*names)
    same = ("model_type", "vocab_size", "tie_word_embeddings", "hidden_size", "max_position_embeddings")
    keys |= {key: config.raw(key) for key in same if key not in keys}
    return Config(keys, config.where)


def _heads(named: Config) -> tuple[int, int]:
    hidden_size, heads = named.whole("hidden_size"), named.whole("num_attention_heads")
    if hidden_size % heads:
        raise named.error("num_attention_heads", f"{heads} does not divide hidden_size {hidden_size}", "check the file")
    return heads, hidden_size // heads


def _attention_types(config: Config) -> list[str]:
    """The kind of each layer, from pairs of (kinds, how many times)."""
    stated = config.raw("attention_types")
    try:
        kinds = [kind for kinds, times in stated for kind in list(kinds) * min(int(times), MOST_LAYERS)]
        known = set(kinds) <= {"global", "local"}
    except (TypeError, ValueError):
        known, kinds = False, []
    if not known:
        repair = "state pairs of kinds (global, local) and how many times they are repeated"
        raise config.error("attention_types", f"{stated!r:.60} is not understood", repair)
    return kinds


_ROTATED = {
    "vocab_size": 50400, "n_positions": 2048, "n_embd": 4096, "n_layer": 28, "n_head": 16, "rotary_dim": 64,
    "tie_word_embeddings": False,
}  # fmt: skip

FAMILIES = (
    Family("gpt_bigcode", gpt_bigcode, {
        "vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12, "multi_query": True,
        "tie_word_embeddings": True,
    }),
    Family("openai-gpt", openai_gpt, {
        "vocab_size": 40478, "n_positions": 512, "n_embd": 768, "n_layer": 12, "n_head": 12,
        "tie_word_embeddings": True,
    }),
    Family("gptj", gptj, _ROTATED),
    Family("codegen", codegen, _ROTATED),
    Family("gpt_neo", gpt_neo, {
        "vocab_size": 50257, "max_position_embeddings": 2048, "hidden_size": 2048, "num_layers": 24, "num_heads": 16,
        "attention_types": [[["global", "local"], 12]], "tie_word_embeddings": True,
    }),
)  # fmt: skip
