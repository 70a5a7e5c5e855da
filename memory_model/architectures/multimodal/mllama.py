"""Llama 3.2 Vision: layers between Llama's that attend to an image alone, a tower of tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from ...blocks.attention import Attention
from ...blocks.mlp import DenseMlp
from ...model_shape import ModelShape, Tower
from ...tensors import Tensor
from ..config import Config
from ..decoder import attention, decoder, layer, num_hidden_layers, stack
from ..family import Family
from ..llama import NORMS
from .encoder_layers import blocks, grid, heads, patches
from .parts import Counted, beside, required, text_section, weight

ASPECT_RATIOS = 8
"""Of tiles, unless the file lists others."""


def mllama(config: Config) -> ModelShape:
    """Llama Team 2024, arXiv:2407.21783 §7; transformers modeling_mllama.py.

    Layers of cross-attention are skipped where there is no image, so that a workload of text computes and caches nothing
    in them: they stand beside the language model, as a part named `cross_attention`.
    """
    text, vision = text_section(config, TEXT, tied=False), required(config, "vision_config", VISION)
    width, out = vision.whole("vision_output_dim"), text.whole("hidden_size")
    projector = weight("multi_modal_projector", out, width, bias=True)
    return beside(mllama_text, text, vision, vision=chain(_vision(vision), projector))


def mllama_text(config: Config) -> ModelShape:
    """The language model: eight rows more in the embedding than in the output matrix."""
    config.must_be("tie_word_embeddings", False)
    config.ignore("head_dim")
    mixer, mlp = attention(config), DenseMlp(config.whole("intermediate_size"))
    count, hidden_size = num_hidden_layers(config), config.whole("hidden_size")
    cross = [index for index in config.whole_list("cross_attention_layers") if index < count]
    if len(cross) >= count or len(set(cross)) < len(cross):
        raise config.error("cross_attention_layers", "leaves no other layer, or repeats one", "check the file")
    shape = decoder(config, stack(config, [mixer] * (count - len(cross)), mlp, NORMS))
    rows = Tensor("embed_tokens", config.whole("vocab_size") + 8, hidden_size, part="embedding")
    tower = Tower("cross_attention", tuple((len(cross), tensor) for tensor in _cross(mixer, mlp, hidden_size)))
    return replace(shape, embeddings=(rows,), towers=(tower,) if cross else ())


def _cross(mixer: Attention, mlp: DenseMlp, hidden_size: int) -> Iterator[Tensor]:
    """One layer of cross-attention: normed heads, and a gate for each half."""
    yield from replace(mixer, qk_norm="head").tensors(hidden_size)
    yield from mlp.tensors(hidden_size)
    yield from layer(None, None, NORMS, hidden_size).around
    for role in ("cross_attn_attn_gate", "cross_attn_mlp_gate"):
        yield Tensor(role, 1, part="attention")


def _vision(config: Config) -> Counted:
    """MllamaVisionModel: learned positions for each patch of each tile of each aspect ratio."""
    config.ignore("intermediate_layers_indices")
    width, tiles = config.wholes("hidden_size", "max_num_tiles")
    heads(config, width, "attention_heads")
    rows = _aspect_ratios(config) + 1
    places = grid(config) + 1
    yield from weight("class_embedding", width)
    yield from patches(config, width, bias=False)
    yield from weight("position_embedding", places, width)
    yield from weight("tile_embedding", rows, tiles * places * width)
    yield from weight("aspect_ratio_embedding", rows, tiles * width, copies=2)
    yield from weight("gate", 1, copies=3)
    yield from weight("layernorm_pre layernorm_post", width, bias=True)
    everywhere = config.whole("num_global_layers", least=0)
    count = config.whole("num_hidden_layers") + everywhere
    yield from blocks(count, width, config.whole("intermediate_size"), qkv_bias=False, out_bias=False)
    yield from weight("layer_gate", 1, copies=2 * everywhere)


def _aspect_ratios(config: Config) -> int:
    """How many are supported: `supported_aspect_ratios` lists them as pairs."""
    pairs = config.raw("supported_aspect_ratios")
    if pairs is None:
        return ASPECT_RATIOS
    good = isinstance(pairs, (list, tuple)) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and all(type(side) is int for side in pair) for pair in pairs
    )
    if not good or not pairs:
        raise config.error("supported_aspect_ratios", "expected pairs of whole numbers", "check the file")
    return len(pairs)


TEXT = {
    "model_type": "mllama_text_model", "vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 40, "num_attention_heads": 32, "num_key_value_heads": 8, "max_position_embeddings": 131072,
    "tie_word_embeddings": False, "cross_attention_layers": (3, 8, 13, 18, 23, 28, 33, 38),
}  # fmt: skip
VISION = {
    "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_global_layers": 8,
    "attention_heads": 16, "num_channels": 3, "vision_output_dim": 7680, "image_size": 448, "patch_size": 14,
    "max_num_tiles": 4,
}  # fmt: skip

FAMILIES = (
    Family("mllama", mllama, {}),
    Family("mllama_text_model", mllama_text, TEXT),
)
