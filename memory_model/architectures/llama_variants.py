"""Families that keep Llama's two norms and change a bias, a head norm or the layers that slide."""

from __future__ import annotations

from dataclasses import replace

from ..blocks.mlp import DenseMlp
from ..model_shape import ModelShape
from ..tensors import Tensor
from .config import Config
from .decoder import attention, decoder, layer_types, num_hidden_layers, stack, windowed, with_tensors
from .family import Family
from .llama import LLAMA, NORMS, llama, mistral


def smollm3(config: Config) -> ModelShape:
    """Hugging Face 2025; transformers modeling_smollm3.py: every fourth layer has no rotary positions."""
    config.ignore("no_rope_layers", "no_rope_layer_interval")
    bias = config.flag("attention_bias")
    slides = config.flag("use_sliding_window")
    window = config.optional("sliding_window")
    rotary = config.whole_list("no_rope_layers", num_hidden_layers(config))
    interval = config.whole("no_rope_layer_interval", 4)
    kinds = layer_types(
        config, lambda i: slides and window is not None and not (rotary[i] if rotary else (i + 1) % interval)
    )
    mixers = windowed(attention(config, bias=bias), window if slides else None, kinds)
    mlp = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"))
    return decoder(config, stack(config, mixers, mlp, NORMS))


def seed_oss(config: Config) -> ModelShape:
    """ByteDance 2025; transformers modeling_seed_oss.py: biases on queries, keys and values, another flag for the output."""
    mixer = attention(config, qkv_bias=config.flag("attention_bias"), o_bias=config.flag("attention_out_bias"))
    mlp = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"))
    return decoder(config, stack(config, mixer, mlp, NORMS))


def ernie4_5(config: Config) -> ModelShape:
    """Baidu 2025; transformers modeling_ernie4_5.py: `use_bias` for every matrix of the layers."""
    bias = config.flag("use_bias")
    mixer = attention(config, bias=bias)
    mlp = DenseMlp(config.whole("intermediate_size"), bias=bias)
    return decoder(config, stack(config, mixer, mlp, NORMS))


def hunyuan_v1_dense(config: Config) -> ModelShape:
    """Tencent 2025; transformers modeling_hunyuan_v1_dense.py: a norm on every query and key head."""
    config.must_be("use_qk_norm", True)
    config.must_be("use_cla", False)
    config.must_be("mlp_bias", False)
    config.ignore("attention_head_dim", "cla_share_factor", "org_vocab_size", "dense_list", "num_media_embeds")
    config.ignore("anyres_pooling_size", "num_experts", "num_shared_expert", "moe_topk")
    mixer = attention(config, bias=config.flag("attention_bias"), qk_norm="head")
    return decoder(config, stack(config, mixer, DenseMlp(config.whole("intermediate_size")), NORMS))


def internlm2(config: Config) -> ModelShape:
    """Cai et al. 2024, arXiv:2403.17297; modeling_internlm2.py beside the checkpoints: fused queries, keys and values."""
    bias = config.flag("bias")
    mixer = attention(config, bias=bias, fused=True)
    return decoder(config, stack(config, mixer, DenseMlp(config.whole("intermediate_size")), NORMS))


def exaone(config: Config) -> ModelShape:
    """LG AI Research 2024, arXiv:2412.04862; modeling_exaone.py beside the checkpoints: Llama under other names."""
    return llama(config.renamed(num_hidden_layers="num_layers"))


def minicpm(config: Config) -> ModelShape:
    """Hu et al. 2024, arXiv:2404.06395; modeling_minicpm.py beside the checkpoints: constants scale what Llama adds."""
    config.ignore("scale_emb", "scale_depth", "dim_model_base")
    return llama(config)


def mimo(config: Config) -> ModelShape:
    """Xiaomi 2025, arXiv:2505.07608; modeling_mimo.py beside the checkpoints: Qwen 2's layers.

    Multi-token prediction is not loaded, as engines run it; the checkpoint's own class does load it.
    """
    config.must_be("use_sliding_window", False)
    config.ignore("num_nextn_predict_layers", "sliding_window", "max_window_layers")
    mixer = attention(config, qkv_bias=config.flag("attention_bias", True))
    return decoder(config, stack(config, mixer, DenseMlp(config.whole("intermediate_size")), NORMS))


def baichuan(config: Config) -> ModelShape:
    """Yang et al. 2023, arXiv:2309.10305; modeling_baichuan.py beside the checkpoints: fused queries, keys and values.

    13B has linear biases instead of a rotation, and names its longest context `model_max_length`.
    """
    longest = config.whole(config.spelled("max_position_embeddings", "model_max_length"))
    mixer = attention(config, fused=True)
    layers = stack(config, mixer, DenseMlp(config.whole("intermediate_size")), NORMS)
    return decoder(config, layers, max_position_embeddings=longest)


def apertus(config: Config) -> ModelShape:
    """Swiss AI 2025, arXiv:2509.14233; transformers modeling_apertus.py: ungated MLP whose xIELU has two parameters."""
    config.must_be("qk_norm", True)
    config.must_be("post_norm", False)
    config.must_be("mlp_bias", False)
    mixer = attention(config, bias=config.flag("attention_bias"), qk_norm="head")
    mlp = DenseMlp(config.whole("intermediate_size"), gated=False)
    config.must_be("hidden_act", "xielu")
    groups = stack(config, mixer, mlp, ("attention_layernorm", "feedforward_layernorm"))
    slopes = (Tensor("act_fn.alpha_p", 1, part="mlp"), Tensor("act_fn.alpha_n", 1, part="mlp"))  # arXiv:2411.13010
    return decoder(config, with_tensors(groups, *slopes))


def nemotron(config: Config) -> ModelShape:
    """Parmar et al. 2024, arXiv:2402.16819; transformers modeling_nemotron.py: LayerNorms, squared ReLU without gate."""
    mixer = attention(config, bias=config.flag("attention_bias"))
    mlp = DenseMlp(config.whole("intermediate_size"), gated=False, bias=config.flag("mlp_bias"))
    return decoder(config, stack(config, mixer, mlp, NORMS, bias=True), norm_bias=True)


def arcee(config: Config) -> ModelShape:
    """Arcee AI 2025; transformers modeling_arcee.py: Llama with an ungated MLP of squared ReLU."""
    mixer = attention(config, bias=config.flag("attention_bias"))
    mlp = DenseMlp(config.whole("intermediate_size"), gated=False, bias=config.flag("mlp_bias"))
    return decoder(config, stack(config, mixer, mlp, NORMS))


def cwm(config: Config) -> ModelShape:
    """Meta 2025, arXiv:2510.02387; transformers modeling_cwm.py: three sliding layers behind each full one."""
    window = config.optional("sliding_window", least=0) or None
    mixers = windowed(attention(config), window, layer_types(config, lambda i: i % 4 != 0))
    mlp = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"))
    return decoder(config, stack(config, mixers, mlp, NORMS))


def diffllama(config: Config) -> ModelShape:
    """Ye et al. 2024, arXiv:2410.05258; transformers modeling_diffllama.py: the difference of two attentions.

    Four vectors weigh it; the norm over pairs of heads has no weights.
    """
    mixer = attention(config, bias=config.flag("attention_bias"))
    if mixer.num_key_value_heads % 2:
        raise config.error(
            "num_key_value_heads", f"{mixer.num_key_value_heads} is odd", "transformers refuses it as well"
        )
    groups = stack(config, mixer, DenseMlp(config.whole("intermediate_size")), NORMS)
    names = ("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2")
    vectors = tuple(Tensor(name, mixer.head_dim, part="attention") for name in names)
    return decoder(config, with_tensors(groups, *vectors))


def ministral(config: Config) -> ModelShape:
    """Mistral AI 2024; transformers modeling_ministral.py: Mistral whose layers slide or not by `layer_types`."""
    window = config.optional("sliding_window")
    mixers = windowed(attention(config), window, layer_types(config, lambda i: window is not None))
    return decoder(config, stack(config, mixers, DenseMlp(config.whole("intermediate_size")), NORMS))


def internlm3(config: Config) -> ModelShape:
    """Shanghai AI Laboratory 2025; transformers modular_internlm3.py: Llama's class, whose biases have to be the same."""
    first, second = config.spelled("qkv_bias", "attention_bias"), config.spelled("bias", "mlp_bias")
    bias = config.flag(first)
    if bias != config.flag(second):
        raise config.error(first, f"differs from {second}", "transformers refuses such a model as well")
    return replace(llama(config.changed(attention_bias=bias, mlp_bias=bias)), modeling="llama")


def iquestcoder(config: Config) -> ModelShape:
    """IQuest 2026; transformers modular_iquestcoder.py: Llama's class."""
    config.must_be("clip_qkv", None)
    config.must_be("use_sliding_window", False)
    return replace(llama(config), modeling="llama")


MINISTRAL3 = LLAMA | {
    "vocab_size": 131072, "intermediate_size": 14336, "num_hidden_layers": 34, "num_key_value_heads": 8,
    "head_dim": 128, "max_position_embeddings": 262144,
}  # fmt: skip

FAMILIES = (
    Family("smollm3", smollm3, {
        "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36,
        "num_attention_heads": 16, "num_key_value_heads": 4, "max_position_embeddings": 32768,
        "tie_word_embeddings": True,
    }),
    Family("granite", llama, LLAMA),  # IBM 2024; transformers modeling_granite.py: with constant multipliers
    Family("ministral3", mistral, MINISTRAL3),  # Mistral AI 2025; transformers modeling_ministral3.py
    Family("seed_oss", seed_oss, {
        "vocab_size": 155136, "hidden_size": 4096, "intermediate_size": 27648, "num_hidden_layers": 64,
        "num_attention_heads": 80, "num_key_value_heads": 8, "max_position_embeddings": 524288, "head_dim": 128,
        "tie_word_embeddings": False, "attention_bias": True,
    }),
    Family("ernie4_5", ernie4_5, {
        "vocab_size": 103424, "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 18,
        "num_attention_heads": 16, "num_key_value_heads": 2, "max_position_embeddings": 131072, "head_dim": 128,
        "tie_word_embeddings": True,
    }),
    Family("hunyuan_v1_dense", hunyuan_v1_dense, LLAMA | {"vocab_size": 290943}),
    Family("exaone", exaone, {"tie_word_embeddings": False}),
    Family("mimo", mimo, {"tie_word_embeddings": False}),
    Family("baichuan", baichuan, {"tie_word_embeddings": False}),
    Family("minicpm", minicpm, {"tie_word_embeddings": True}),
    Family("internlm2", internlm2, LLAMA | {"vocab_size": 103168, "bias": True}),
    Family("apertus", apertus, LLAMA | {
        "vocab_size": 131072, "intermediate_size": 14336, "max_position_embeddings": 65536,
    }),
    Family("nemotron", nemotron, LLAMA | {
        "vocab_size": 256000, "hidden_size": 6144, "intermediate_size": 24576, "num_attention_heads": 48,
        "max_position_embeddings": 4096, "partial_rotary_factor": 0.5,
    }),
    Family("arcee", arcee, LLAMA | {
        "hidden_size": 2560, "intermediate_size": 18432, "max_position_embeddings": 4096,
    }),
    Family("jais2", nemotron, LLAMA | {  # Inception 2025; transformers modeling_jais2.py: biases everywhere
        "vocab_size": 150272, "hidden_size": 3328, "intermediate_size": 26624, "num_attention_heads": 26,
        "max_position_embeddings": 8192, "attention_bias": True, "mlp_bias": True,
    }),
    Family("cwm", cwm, LLAMA | {
        "vocab_size": 128256, "hidden_size": 6144, "intermediate_size": 21504, "num_hidden_layers": 64,
        "num_attention_heads": 48, "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 131072,
        "sliding_window": 8192,
    }),
    Family("diffllama", diffllama, LLAMA | {
        "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
    }),
    Family("ministral", ministral, LLAMA | {
        "intermediate_size": 14336, "num_key_value_heads": 8, "max_position_embeddings": 131072,
        "sliding_window": 4096,
    }),
    Family("internlm3", internlm3, LLAMA | {
        "vocab_size": 128512, "intermediate_size": 10240, "num_hidden_layers": 48, "num_key_value_heads": 2,
        "max_position_embeddings": 32768, "head_dim": 128,
    }),
    Family("iquestcoder", iquestcoder, LLAMA | {
        "vocab_size": 76800, "hidden_size": 5120, "intermediate_size": 27648, "num_hidden_layers": 80,
        "num_attention_heads": 40, "num_key_value_heads": 8, "max_position_embeddings": 131072, "head_dim": 128,
    }),
)  # fmt: skip
