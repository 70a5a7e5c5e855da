"""What speaks beside the thinkers of Qwen-Omni: talkers, which write codes, and vocoders, which make sound of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, pairwise
from typing import Any

from ...blocks.mlp import MixtureOfExperts
from ...model_shape import ModelShape, Tower
from ..config import Config
from ..decoder import attention, decoder, stack
from ..llama import NORMS, qwen2, qwen3
from .parts import Counted, required, tower, weight

MOST_STAGES = 100
"""Stages of a vocoder that are counted one by one; real ones have ten."""


def qwen2_5_speech(config: Config) -> tuple[Tower, ...]:
    """Qwen2.5-Omni's talker, a Qwen2, and its vocoder, which transformers keeps in float32 (modeling_qwen2_5_omni.py)."""
    talker = _section(config, "talker_config", TALKER)
    talker.ignore("seconds_per_chunk", "position_id_per_seconds", "spatial_merge_size")
    width, embedded = talker.wholes("hidden_size", "embedding_size")
    shape = replace(qwen2(talker), embeddings=())
    talks = chain(
        weight("embed_tokens", talker.whole("vocab_size"), embedded),
        weight("thinker_to_talker_proj", width, embedded, bias=True),
        _decoder(shape),
    )
    vocoder = _section(config, "token2wav_config", {})
    flow, waves = _section(vocoder, "dit_config", FLOW), _section(vocoder, "bigvgan_config", WAVES)
    sounds = chain(_flow_transformer(flow), _speaker(flow), _waves(waves))
    towers = (
        tower("talker", talks, "audio"),
        tower("vocoder", ((copies, replace(tensor, pinned="fp32")) for copies, tensor in sounds), "audio"),
    )
    for section in (talker, vocoder, flow, waves):
        section.refuse_unread()
    return towers


def qwen3_speech(config: Config) -> tuple[Tower, ...]:
    """Qwen3-Omni's talker, experts with a predictor of the other codes, and its vocoder (modeling_qwen3_omni_moe.py)."""
    talker = _section(config, "talker_config", {"thinker_hidden_size": 2048, "num_code_groups": 32})
    talker.ignore(
        "accept_hidden_layer", "num_code_groups", "spatial_merge_size", "position_id_per_seconds", "seconds_per_chunk"
    )
    text, codes = _section(talker, "text_config", TALKER_TEXT), _section(talker, "code_predictor_config", CODES)
    vocoder = _section(config, "code2wav_config", CODE2WAV)
    towers = (
        tower("talker", chain(_talker(talker, text), _codes(codes)), "audio"),
        tower("vocoder", _code2wav(vocoder), "audio"),
    )
    for section in (talker, text, codes, vocoder):
        section.refuse_unread()
    return towers


def _section(config: Config, key: str, defaults: dict[str, Any]) -> Config:
    """A section whose embeddings are not tied, which no checkpoint asks for."""
    config.ignore(key)
    keys = config.keys.get(key)
    section = required(Config({key: {} if keys is None else keys}, config.where), key, defaults)
    section.must_be("tie_word_embeddings", False)
    return section


def _decoder(shape: ModelShape, prefix: str = "") -> Counted:
    """A language model as a part of the tower: what bitsandbytes leaves unquantised keeps its part."""
    for layers, tensor in shape.tensors("text"):
        part = tensor.part if tensor.part in ("embedding", "experts", "router") else ""
        yield len(layers), replace(tensor, role=prefix + tensor.role, part=part)


def _talker(config: Config, text: Config) -> Counted:
    """Experts in every layer, beside a shared one, and a projection of what was read and of what was thought."""
    text.ignore("decoder_sparse_step", "mlp_only_layers", "sliding_window", "use_sliding_window", "max_window_layers")
    bias = text.flag("attention_bias")
    mixer = attention(text, bias=bias, qk_norm="head")
    experts = MixtureOfExperts(
        text.whole("num_experts" if "num_experts" in text.keys else "num_local_experts"),
        text.whole("num_experts_per_tok"),
        text.whole("moe_intermediate_size"),
        shared_intermediate_size=text.whole("shared_expert_intermediate_size"),
        shared_gate=True,
    )
    yield from _decoder(decoder(text, stack(text, mixer, experts, NORMS)))
    between, read = text.whole("intermediate_size"), config.whole("thinker_hidden_size")
    yield from weight("projection.linear_fc1", between, read, copies=2, bias=True)
    yield from weight("projection.linear_fc2", text.whole("hidden_size"), between, copies=2, bias=True)


def _codes(config: Config) -> Counted:
    """Qwen3's layers, with an embedding and an output matrix for each group of codes but the first."""
    shape = qwen3(config)
    others = config.whole("num_code_groups", least=2) - 1
    for tensor in (*shape.embeddings, *(tensor for tensor in shape.head if tensor.role == "lm_head")):
        yield others, replace(tensor, role=f"codes.{tensor.role}")
    head = tuple(tensor for tensor in shape.head if tensor.role != "lm_head")
    yield from _decoder(replace(shape, embeddings=(), head=head), "codes.")


def _flow_transformer(config: Config) -> Counted:
    """A diffusion transformer (arXiv:2212.09748) from codes to a spectrogram, norms without weights."""
    config.ignore("max_position_embeddings", "block_size", "look_ahead_layers", "look_backward_layers", "repeats")
    config.ignore("depth", "dim", "heads")  # older names, which transformers does not read
    width, layers, mel = config.wholes("hidden_size", "num_hidden_layers", "mel_dim")
    inner = config.whole("num_attention_heads") * config.whole("head_dim")
    between, codes = width * config.whole("ff_mult"), config.whole("emb_dim")
    read = mel + config.whole("enc_dim") + config.whole("enc_emb_dim") + codes
    yield from weight("time_mlp.0", width, 256, bias=True)
    yield from weight("time_mlp.2", width, width, bias=True)
    yield from weight("code_embedding", config.whole("num_embeds") + 1, codes)
    yield from weight("input_embed", width, read, bias=True)
    yield from weight("attn_norm", 6 * width, width, copies=layers, bias=True)
    yield from weight("to_q to_k to_v", inner, width, copies=layers, bias=True)
    yield from weight("to_out", width, inner, copies=layers, bias=True)
    yield from weight("ff.0", between, width, copies=layers, bias=True)
    yield from weight("ff.3", width, between, copies=layers, bias=True)
    yield from weight("norm_out", 2 * width, width, bias=True)
    yield from weight("proj_out", mel, width, bias=True)


def _speaker(config: Config) -> Counted:
    """ECAPA-TDNN (Desplanques et al. 2020, arXiv:2005.07143), which hears the voice that is asked for."""
    widths, kernels = _several(config, "enc_channels"), _several(config, "enc_kernel_sizes")
    if len(widths) < 2 or len(widths) != len(kernels) or len(widths) != len(_several(config, "enc_dilations")):
        raise config.error("enc_channels", "needs as many kernels and dilations", "check the file")
    parts, squeezed = config.whole("enc_res2net_scale", most=MOST_STAGES), config.whole("enc_se_channels")
    heads, last = config.whole("enc_attention_channels"), widths[-1]
    yield from _convolution(1, widths[0], config.whole("mel_dim"), kernels[0])
    for (before, width), kernel in zip(pairwise(widths[:-1]), kernels[1:-1], strict=True):
        yield from _convolution(1, width, before, 1)
        yield from _convolution(parts - 1, width // parts, width // parts, kernel)
        yield from _convolution(1, width, width, 1)
        yield from _convolution(1, squeezed, width, 1)
        yield from _convolution(1, width, squeezed, 1)
    yield from _convolution(1, last, last, kernels[-1])
    yield from _convolution(1, heads, 3 * last, 1)
    yield from _convolution(1, last, heads, 1)
    yield from _convolution(1, config.whole("enc_dim"), 2 * last, 1)


def _waves(config: Config) -> Counted:
    """BigVGAN (Lee et al. 2022, arXiv:2206.04658): from a spectrogram to samples, in steps that halve the channels."""
    config.ignore("resblock_dilation_sizes", "input_mel_dim")
    width = config.whole("upsample_initial_channel")
    kernels = _several(config, "resblock_kernel_sizes")
    rates, steps = _several(config, "upsample_rates"), _several(config, "upsample_kernel_sizes")
    yield from _convolution(1, width, config.whole("mel_dim"), 7)
    for _, kernel in zip(rates, steps, strict=False):
        yield from weight("convolution", width * (width // 2), kernel)
        width //= 2
        yield from weight("convolution.bias", width)
        for inner in kernels:
            yield from _convolution(6, width, width, inner)
            yield from weight("snake", width, copies=12)
    yield from weight("snake", width, copies=2)
    yield from weight("convolution", 1, width * 7)


def _code2wav(config: Config) -> Counted:
    """Layers of attention with scaled outputs over the sum of all codes, then convolutions up to samples."""
    config.ignore("sliding_window", "max_position_embeddings", "layer_scale_initial_scale", "codebook_dim")
    config.ignore("num_semantic_quantizers", "semantic_codebook_size", "vector_quantization_hidden_dimension")
    width, layers, mlp = config.wholes("hidden_size", "num_hidden_layers", "intermediate_size")
    mixer = attention(config, qkv_bias=config.flag("attention_bias"), o_bias=config.flag("attention_bias"))
    yield from weight("code_embedding", config.whole("codebook_size") * config.whole("num_quantizers"), width)
    for tensor in mixer.tensors(width):
        yield layers, replace(tensor, part="")
    yield from weight("gate_proj up_proj", mlp, width, copies=layers)
    yield from weight("down_proj", width, mlp, copies=layers)
    yield from weight("norm", width, copies=4 * layers + 1)
    for factor in _several(config, "upsampling_ratios"):
        yield from _convolution(1, width, width, factor)
        yield from _convolution(1, width, 1, 7)
        yield from weight("convnext.norm", width, bias=True)
        yield from weight("pwconv1", 4 * width, width, bias=True)
        yield from weight("pwconv2", width, 4 * width, bias=True)
        yield from weight("gamma", width)
    outer = config.whole("decoder_dim")
    yield from _convolution(1, outer, width, 7)
    for index, rate in enumerate(_several(config, "upsample_rates")):
        before, after = outer >> index, outer >> index + 1
        yield from weight("snake", before, copies=2)
        yield from _convolution(1, after, before, 2 * rate)
        yield from weight("snake", after, copies=12)
        yield from _convolution(3, after, after, 7)
        yield from _convolution(3, after, after, 1)
    last = outer >> len(_several(config, "upsample_rates"))
    yield from weight("snake", last, copies=2)
    yield from _convolution(1, 1, last, 7)


def _convolution(copies: int, channels: int, inside: int, kernel: int) -> Counted:
    yield from weight("convolution", channels, inside * kernel, copies=copies, bias=True)


def _several(config: Config, key: str) -> Sequence[int]:
    found = config.whole_list(key)
    if not found or not all(found) or len(found) > MOST_STAGES:
        raise config.error(key, f"expected 1 to {MOST_STAGES} numbers", "check the file against its source")
    return found


TALKER = {
    "model_type": "qwen2_5_omni_talker", "vocab_size": 8448, "embedding_size": 3584, "hidden_size": 3584,
    "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
    "head_dim": 128, "max_position_embeddings": 32768, "use_sliding_window": False, "sliding_window": 32768,
    "max_window_layers": 28, "tie_word_embeddings": False,
}  # fmt: skip
FLOW = {
    "hidden_size": 1024, "num_hidden_layers": 22, "num_attention_heads": 16, "head_dim": 64, "ff_mult": 2,
    "emb_dim": 512, "num_embeds": 8193, "mel_dim": 80, "enc_emb_dim": 192, "enc_dim": 128,
    "enc_channels": (256, 256, 256, 256, 768), "enc_kernel_sizes": (5, 3, 3, 3, 1), "enc_dilations": (1, 2, 3, 4, 1),
    "enc_attention_channels": 64, "enc_res2net_scale": 2, "enc_se_channels": 64,
}  # fmt: skip
WAVES = {
    "mel_dim": 80, "upsample_initial_channel": 1536, "resblock_kernel_sizes": (3, 7, 11),
    "upsample_rates": (5, 3, 2, 2, 2, 2), "upsample_kernel_sizes": (11, 7, 4, 4, 4, 4),
}  # fmt: skip
TALKER_TEXT = {
    "model_type": "qwen3_omni_moe_talker_text", "vocab_size": 3072, "hidden_size": 1024, "intermediate_size": 2048,
    "num_hidden_layers": 20, "num_attention_heads": 16, "num_key_value_heads": 2, "max_position_embeddings": 32768,
    "moe_intermediate_size": 384, "num_experts_per_tok": 8, "num_local_experts": 128, "tie_word_embeddings": False,
}  # fmt: skip
CODES = {
    "model_type": "qwen3_omni_moe_talker_code_predictor", "vocab_size": 2048, "hidden_size": 1024,
    "intermediate_size": 3072, "num_hidden_layers": 5, "num_attention_heads": 16, "num_key_value_heads": 8,
    "head_dim": 128, "max_position_embeddings": 32768, "max_window_layers": 28, "num_code_groups": 32,
    "tie_word_embeddings": False,
}  # fmt: skip
CODE2WAV = {
    "codebook_size": 2048, "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 8,
    "num_attention_heads": 16, "num_key_value_heads": 16, "num_quantizers": 16, "upsample_rates": (8, 5, 4, 3),
    "upsampling_ratios": (2, 2), "decoder_dim": 1536,
}  # fmt: skip
