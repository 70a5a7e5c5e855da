"""GPT and what followed it until Llama: LayerNorms with bias, MLPs without a gate, heads that share the width."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.attention import Attention
from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from ..tensors import Tensor
from .config import MOST_LAYERS, Config
from .decoder import decoder, multi_head, num_hidden_layers, stack
from .family import Family
from .llama import NORMS
from .unusual_norms import without_final_norm

GPT_NAMES = {
    "hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head",
    "max_position_embeddings": "n_positions", "intermediate_size": "n_inner",
}  # fmt: skip
BIASES = {"qkv_bias": True, "o_bias": True}
EXPANSION = 4
"""The width of MPT's MLP against the hidden size: written out in modeling_mpt.py."""


def openai_gpt(config: Config) -> ModelShape:
    """Radford et al. 2018; transformers modeling_openai.py: norms behind both halves, none at the end, and no cache."""
    config.ignore("n_ctx", "n_special", "predict_special_tokens")
    config = config.renamed(**GPT_NAMES)
    return without_final_norm(_learned(config, multi_head(config, **BIASES, fused=True)))


def gpt2(config: Config) -> ModelShape:
    """Radford et al. 2019; transformers modeling_gpt2.py."""
    config.must_be("add_cross_attention", False)
    config = config.renamed(**GPT_NAMES)
    return _learned(config, multi_head(config, **BIASES, fused=True))


def gpt_sw3(config: Config) -> ModelShape:
    """Ekgren et al. 2023, arXiv:2305.12987: GPT-2's class under a name of its own."""
    return replace(gpt2(config), modeling="gpt2")


def gpt_bigcode(config: Config) -> ModelShape:
    """Li et al. 2023, arXiv:2305.06161; transformers modeling_gpt_bigcode.py: one KV head."""
    config.must_be("add_cross_attention", False)
    config.ignore("pad_key_length", "max_batch_size", "max_sequence_length", "inference_runner")
    config = config.renamed(**GPT_NAMES)
    kv_heads = 1 if config.flag("multi_query") else None
    config.must_be("num_key_value_heads", None, kv_heads or config.whole("num_attention_heads"))
    return _learned(config, multi_head(config, kv_heads=kv_heads, **BIASES, fused=True))


def gpt_neo(config: Config) -> ModelShape:
    """Black et al. 2021; transformers modeling_gpt_neo.py: local layers look back `window_size` tokens and cache all."""
    config = config.renamed(num_hidden_layers="num_layers", num_attention_heads="num_heads")
    kinds, layers = _attention_types(config), num_hidden_layers(config)
    if len(kinds) != layers:
        raise config.error("attention_types", f"{len(kinds)} layers instead of {layers}", "check the file")
    config.ignore("window_size", "attention_layers")
    return _learned(config, multi_head(config, o_bias=True))


def opt(config: Config) -> ModelShape:
    """Zhang et al. 2022, arXiv:2205.01068; transformers modeling_opt.py: two more position rows than positions.

    OPT 350M has its norms behind both halves and none at the end, and embeddings of another width; Galactica's norms have
    no weights.
    """
    config.must_be("_remove_final_layer_norm", False)
    bias, weighted = config.flag("enable_bias", True), config.flag("layer_norm_elementwise_affine", True)
    mixer = multi_head(config, qkv_bias=bias, o_bias=bias)
    norms = NORMS if weighted else ()
    shape = _model(config.renamed(intermediate_size="ffn_dim"), mixer, norms, bias=bias, positions=_two_more(config))
    before = config.flag("do_layer_norm_before", True)
    if not before or not weighted:
        shape = without_final_norm(shape)
    shape = _of_width(shape, config.whole("word_embed_proj_dim", shape.hidden_size))
    return shape if before else replace(shape, modeling="opt, norms behind")


def _of_width(shape: ModelShape, width: int) -> ModelShape:
    """Embedding and head of another width than the layers, and the matrices between."""
    if width == shape.hidden_size:
        return shape
    words, *others = shape.embeddings
    into, out = Tensor("project_in", shape.hidden_size, width), Tensor("project_out", width, shape.hidden_size)
    head = tuple(replace(tensor, columns=width) if tensor.role == "lm_head" else tensor for tensor in shape.head)
    return replace(shape, embeddings=(replace(words, columns=width), *others, into), head=(*head, out))


def biogpt(config: Config) -> ModelShape:
    """Luo et al. 2022, arXiv:2210.10341; transformers modeling_biogpt.py: two more position rows than positions."""
    config.ignore("scale_embedding", "activation_dropout")
    return _model(config, multi_head(config, **BIASES), positions=_two_more(config))


def xglm(config: Config) -> ModelShape:
    """Lin et al. 2021, arXiv:2112.10668; transformers modeling_xglm.py: sinusoidal positions in a buffer."""
    config.must_be("add_cross_attention", False)
    config.ignore("scale_embedding", "decoder_start_token_id")
    config = config.renamed(
        hidden_size="d_model", num_hidden_layers="num_layers", num_attention_heads="attention_heads",
        intermediate_size="ffn_dim",
    )  # fmt: skip
    return _model(config, multi_head(config, **BIASES))


def gptj(config: Config) -> ModelShape:
    """Wang and Komatsuzaki 2021; transformers modeling_gptj.py: attention and MLP side by side, a part of each head rotated."""
    return _rotated(config.renamed(**GPT_NAMES), fused=False)


def codegen(config: Config) -> ModelShape:
    """Nijkamp et al. 2022, arXiv:2203.13474; transformers modeling_codegen.py: GPT-J with one matrix of four slices."""
    config.ignore("n_ctx")
    heads = config.whole("n_head")
    if heads % 4:
        raise config.error("n_head", f"{heads} does not divide into four slices", "check the file")
    return _rotated(config.renamed(**GPT_NAMES), fused=True)


def mpt(config: Config) -> ModelShape:
    """MosaicML 2023; transformers modeling_mpt.py: linear biases instead of positions, no bias anywhere."""
    config.must_be("no_bias", True)
    config.must_be("expansion_ratio", EXPANSION)
    config.ignore("learned_pos_emb", "embedding_fraction", "logit_scale", "init_device", "init_config", "emb_pdrop")
    config = config.renamed(
        hidden_size="d_model", num_attention_heads="n_heads", num_hidden_layers="n_layers",
        max_position_embeddings="max_seq_len",
    )  # fmt: skip
    if (section := config.section("attn_config")) is not None:
        section.must_be("attn_type", "multihead_attention")
        section.must_be("qk_ln", False)
        section.must_be("prefix_lm", False)
        section.must_be("alibi", True)
    mlp = DenseMlp(EXPANSION * config.whole("hidden_size"), gated=False)
    return decoder(config, stack(config, multi_head(config, fused=True), mlp, NORMS))


def _rotated(config: Config, *, fused: bool) -> ModelShape:
    mixer, rotary_dim = multi_head(config, fused=fused), config.whole("rotary_dim")
    if rotary_dim > mixer.head_dim:
        raise config.error("rotary_dim", f"{rotary_dim} is more than a head of {mixer.head_dim}", "check the file")
    return _model(config, replace(mixer, rotary_dim=rotary_dim), ("input_layernorm",), head_bias=True)


def _learned(config: Config, mixer: Attention) -> ModelShape:
    return _model(config, mixer, positions=config.whole("max_position_embeddings"))


def _two_more(config: Config) -> int:
    return config.whole("max_position_embeddings") + 2


def _model(
    config: Config,
    mixer: Attention,
    norms: tuple[str, ...] = NORMS,
    *,
    bias: bool = True,
    positions: int = 0,
    head_bias: bool = False,
) -> ModelShape:
    """An MLP of `intermediate_size`, or of four times the width; `positions` rows of learned positions."""
    mlp = DenseMlp(config.whole("intermediate_size", 4 * config.whole("hidden_size")), gated=False, bias=bias)
    layers = stack(config, mixer, mlp, norms, bias=True)
    return decoder(config, layers, norm_bias=True, positions=positions, head_bias=head_bias)


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
_GPT2 = {
    "vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12, "tie_word_embeddings": True,
}  # fmt: skip

FAMILIES = (
    Family("openai-gpt", openai_gpt, _GPT2 | {"vocab_size": 40478, "n_positions": 512}),
    Family("gpt2", gpt2, _GPT2),
    Family("gpt-sw3", gpt_sw3, _GPT2),
    Family("gpt_bigcode", gpt_bigcode, _GPT2 | {"multi_query": True}),
    Family("gptj", gptj, _ROTATED),
    Family("codegen", codegen, _ROTATED),
    Family("gpt_neo", gpt_neo, {
        "vocab_size": 50257, "max_position_embeddings": 2048, "hidden_size": 2048, "num_layers": 24, "num_heads": 16,
        "attention_types": [[["global", "local"], 12]], "tie_word_embeddings": True,
    }),
    Family("opt", opt, {
        "vocab_size": 50272, "hidden_size": 768, "num_hidden_layers": 12, "ffn_dim": 3072, "num_attention_heads": 12,
        "max_position_embeddings": 2048, "tie_word_embeddings": True,
    }),
    Family("biogpt", biogpt, {
        "vocab_size": 42384, "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
        "intermediate_size": 4096, "max_position_embeddings": 1024, "tie_word_embeddings": True,
    }),
    Family("xglm", xglm, {
        "vocab_size": 256008, "max_position_embeddings": 2048, "d_model": 1024, "ffn_dim": 4096, "num_layers": 24,
        "attention_heads": 16, "tie_word_embeddings": True,
    }),
    Family("mpt", mpt, {
        "vocab_size": 50368, "d_model": 2048, "n_heads": 16, "n_layers": 24, "max_seq_len": 2048,
        "tie_word_embeddings": True,
    }),
)  # fmt: skip
