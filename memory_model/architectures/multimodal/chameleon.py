"""Chameleon: one decoder for text and for the words of images, which a vector-quantised encoder makes."""

from __future__ import annotations

from dataclasses import replace

from ...blocks.mlp import DenseMlp
from ...model_shape import ModelShape
from ..config import Config
from ..decoder import attention, decoder, stack
from ..family import Family
from ..llama import LLAMA, NORMS
from .janus import vq_encoder
from .parts import beside, required

VQ = {
    "embed_dim": 256, "num_embeddings": 8192, "latent_channels": 256, "resolution": 512, "in_channels": 3,
    "base_channels": 128, "channel_multiplier": (1, 1, 2, 2, 4), "num_res_blocks": 2,
}  # fmt: skip


def chameleon(config: Config) -> ModelShape:
    """Chameleon Team 2024, arXiv:2405.09818; transformers modeling_chameleon.py.

    `swin_norm`: norms stand behind attention and MLP (34B).
    """
    images = required(config, "vq_config", VQ)
    sizes = [images.whole("resolution") >> level for level in range(len(images.whole_list("channel_multiplier")))]
    vanilla = images.text("attn_type", "vanilla") == "vanilla"
    attends = [vanilla and size in images.whole_list("attn_resolutions") for size in sizes]
    return beside(_text, config, images, vision=vq_encoder(images, attends, attends_between=vanilla))


def _text(config: Config) -> ModelShape:
    config.ignore("model_parallel_size")
    mixer = attention(config, bias=config.flag("attention_bias"), qk_norm="heads")
    mlp = DenseMlp(config.whole("intermediate_size"), bias=config.flag("mlp_bias"))
    shape = decoder(config, stack(config, mixer, mlp, NORMS))
    return replace(shape, modeling="chameleon, norms behind") if config.flag("swin_norm") else shape


FAMILIES = (
    Family("chameleon", chameleon, LLAMA | {"vocab_size": 65536, "max_position_embeddings": 4096, "vq_config": {}}),
)
