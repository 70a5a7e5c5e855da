"""Granite Speech: a conformer, a Q-Former that reads windows of what it heard, and Granite."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from .granite4_vision import QFORMER, q_former
from .language_models import language_model, with_towers
from .parts import Counted, required, weight


def granite_speech(config: Config) -> ModelShape:
    """Saon et al. 2025, arXiv:2505.08699; transformers modeling_granite_speech.py, modeling_granite_speech_plus.py.

    The adapters of LoRA that some checkpoints bring (`has_lora_adapter`) stand in files of their own, and are not counted.
    """
    config.ignore("has_lora_adapter")
    text = language_model(config, "granite", tied=True)
    encoder = required(config, "encoder_config", ENCODER)
    former = required(config, "projector_config", PROJECTOR)
    former.must_be("model_type", "blip_2_qformer")
    former.ignore("max_position_embeddings")
    width = former.whole("hidden_size")
    queries = config.whole("window_size", 15) // config.whole("downsample_rate", 5)
    projector = chain(
        weight("projector.query", queries, width),
        q_former(former, width, former.whole("encoder_hidden_size")),
        weight("projector.linear", text.whole("hidden_size"), width, bias=True),
    )
    return with_towers(text, encoder, former, audio=chain(_conformer(encoder), projector))


def _conformer(config: Config) -> Counted:
    """Gulati et al. 2020, arXiv:2005.08100, with a guess of characters that is read again in the middle."""
    config.ignore("context_size", "cat_hidden_layers")
    width, layers, characters = config.wholes("hidden_dim", "num_layers", "output_dim")
    heads, mlp = config.whole("num_heads"), width * config.whole("feedforward_mult")
    head_dim, inner = config.whole("dim_head", width // heads), width * config.whole("conv_expansion_factor")
    yield from weight("input_linear", width, config.whole("input_dim"), bias=True)
    for role in ("ff1", "ff2"):
        yield from weight(f"{role}.up_proj", mlp, width, copies=layers, bias=True)
        yield from weight(f"{role}.down_proj", width, mlp, copies=layers, bias=True)
    yield from weight("ff1.norm ff2.norm attn.norm conv.norm post_norm", width, copies=layers, bias=True)
    yield from weight("to_q", heads * head_dim, width, copies=layers)
    yield from weight("to_kv", 2 * heads * head_dim, width, copies=layers)
    yield from weight("to_out", width, heads * head_dim, copies=layers, bias=True)
    yield from weight("position_embedding", 2 * config.whole("max_pos_emb") + 1, head_dim, copies=layers)
    yield from weight("up_conv", 2 * inner, width, copies=layers, bias=True)
    yield from weight("depth_conv", inner, config.whole("conv_kernel_size"), copies=layers)
    yield from weight("batch_norm", inner, copies=layers, bias=True)
    yield from weight("running_mean running_var", inner, copies=layers, buffer=True)
    yield from weight("num_batches_tracked", 1, copies=layers, pinned="int64", buffer=True)
    yield from weight("down_conv", width, inner, copies=layers, bias=True)
    yield from weight("out", characters, width, bias=True)
    yield from weight("out_mid", width, characters, bias=True)


ENCODER = {
    "input_dim": 160, "num_layers": 10, "hidden_dim": 1024, "feedforward_mult": 4, "num_heads": 8, "output_dim": 42,
    "max_pos_emb": 512, "conv_kernel_size": 15, "conv_expansion_factor": 2,
}  # fmt: skip
PROJECTOR = QFORMER | {"model_type": "blip_2_qformer", "hidden_size": 768, "encoder_hidden_size": 1408}

FAMILIES = (
    Family("granite_speech", granite_speech, {}),
    Family("granite_speech_plus", granite_speech, {}),
)
