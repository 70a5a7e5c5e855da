"""VibeVoice-ASR and Fun-ASR-Nano: other encoders of sound than Whisper's, before Qwen's language models."""

from __future__ import annotations

from itertools import chain, pairwise

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from .encoder_layers import gelu_mlp, heads, projector
from .language_models import language_model, with_towers
from .parts import Counted, required, weight

MOST_STAGES = 64
"""Stages of an encoder that are counted one by one; real ones have seven."""


def vibevoice_asr(config: Config) -> ModelShape:
    """Peng et al. 2026, arXiv:2601.18184; transformers modeling_vibevoice_asr.py: two encoders, of sound and of meaning."""
    config.ignore("acoustic_tokenizer_chunk_size", "max_position_embeddings")
    config.must_be("tie_word_embeddings", False)
    text = language_model(config, "qwen2")
    hidden_size = text.whole("hidden_size")
    counted, sections = [], []
    for kind in ("acoustic", "semantic"):
        section = required(config, f"{kind}_tokenizer_encoder_config", TOKENIZER)
        section.ignore("vae_std", "layer_scale_init_value")
        counted += [_tokenizer(section), _connector(section.whole("hidden_size"), hidden_size)]
        sections.append(section)
    return with_towers(text, *sections, audio=chain(*counted))


def fun_asr_nano(config: Config) -> ModelShape:
    """Fun-ASR 2025, arXiv:2509.12508; transformers modeling_fun_asr_nano.py: attention with a memory of few frames."""
    text = language_model(config, "qwen3", tied=True)
    audio, adaptor = required(config, "audio_config", ENCODER), required(config, "adaptor_config", ADAPTOR)
    adaptor.must_be("hidden_size", text.whole("hidden_size"))
    adaptor.must_be("intermediate_size", text.whole("hidden_size") // 4)
    return with_towers(
        text, audio, adaptor, audio=chain(_encoder(audio), _adaptor(adaptor, audio.whole("hidden_size")))
    )


def _tokenizer(config: Config) -> Counted:
    """Convolutions that shorten sound step by step, layers of ConvNeXt between them, and one convolution at the end."""
    ratios, depths = config.whole_list("downsampling_ratios"), config.whole_list("depths")
    if len(depths) != len(ratios) + 1 or len(depths) > MOST_STAGES or 0 in ratios:
        raise config.error(
            "depths", f"{len(depths)} for {len(ratios)} downsampling_ratios", "check the file against its source"
        )
    taps, grown = config.wholes("kernel_size", "ffn_expansion")
    widths = [config.whole("num_filters") * 2**stage for stage in range(len(depths))]
    yield from weight("conv1", widths[0], config.whole("channels") * taps, bias=True)
    for (before, width), ratio in zip(pairwise(widths), ratios, strict=True):
        yield from weight("conv1", width, before * 2 * ratio, bias=True)
    for width, layers in zip(widths, depths, strict=True):
        yield from weight("gamma ffn_gamma norm ffn_norm", width, copies=layers)
        yield from weight("conv1", width, taps, copies=layers, bias=True)
        yield from weight("ffn.linear1", grown * width, width, copies=layers, bias=True)
        yield from weight("ffn.linear2", width, grown * width, copies=layers, bias=True)
    yield from weight("conv1", config.whole("hidden_size"), widths[-1] * taps, bias=True)


def _connector(width: int, hidden_size: int) -> Counted:
    yield from weight("projector.linear_1", hidden_size, width, bias=True)
    yield from weight("projector.norm", hidden_size)
    yield from weight("projector.linear_2", hidden_size, hidden_size, bias=True)


def _encoder(config: Config) -> Counted:
    """The first layer reads frames that are stacked, as they are; a norm behind the layers, one before those of timestamps."""
    config.ignore("max_position_embeddings")
    width, layers = config.wholes("hidden_size", "num_hidden_layers")
    stacked = config.whole("num_mel_bins") * config.whole("num_stacked_frames")
    taps = config.whole("fsmn_kernel_size")
    for copies, read in ((1, stacked), (layers - 1, width)):
        yield from weight("q_proj k_proj v_proj", width, read, copies=copies, bias=True)
        yield from weight("input_layernorm", read, copies=copies, bias=True)
    yield from weight("o_proj", width, width, copies=layers, bias=True)
    yield from weight("conv1", width, taps, copies=layers)
    yield from _mlp(config, layers, width)
    norms = 2 if 0 < config.whole("num_timestamp_prediction_layers", least=0) < layers else 1
    yield from weight("final_layernorm", width, copies=norms, bias=True)


def _adaptor(config: Config, read: int) -> Counted:
    width, layers = config.wholes("hidden_size", "num_hidden_layers")
    between = config.whole("projector_hidden_size")
    yield from projector(read, between, width)
    yield from weight("q_proj k_proj v_proj o_proj", width, width, copies=layers, bias=True)
    yield from weight("input_layernorm", width, copies=layers, bias=True)
    yield from _mlp(config, layers, width)


def _mlp(config: Config, layers: int, width: int) -> Counted:
    heads(config, width)
    yield from gelu_mlp(layers, width, config.whole("intermediate_size"))
    yield from weight("post_attention_layernorm", width, copies=layers, bias=True)


TOKENIZER = {
    "hidden_size": 64, "channels": 1, "kernel_size": 7, "num_filters": 32, "downsampling_ratios": (2, 2, 4, 5, 5, 8),
    "depths": (3, 3, 3, 3, 3, 3, 8), "ffn_expansion": 4,
}  # fmt: skip
ENCODER = {
    "num_mel_bins": 80, "hidden_size": 512, "num_attention_heads": 4, "intermediate_size": 2048, "num_hidden_layers": 70,
    "num_stacked_frames": 7, "num_timestamp_prediction_layers": 20, "fsmn_kernel_size": 11,
}  # fmt: skip
ADAPTOR = {
    "hidden_size": 1024, "num_attention_heads": 8, "intermediate_size": 256, "num_hidden_layers": 2,
    "projector_hidden_size": 2048,
}  # fmt: skip

FAMILIES = (
    Family("vibevoice_asr", vibevoice_asr, {}),
    Family("fun_asr_nano", fun_asr_nano, {}),
)
