"""Granite Docling: SigLIP's encoder, features of several of its layers into several layers of a small Granite."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..llama import LLAMA, llama
from .encoder_layers import siglip_blocks, siglip_positions
from .parts import Counted, beside, required, text_section, weight


def granite_docling(config: Config) -> ModelShape:
    """IBM 2026; transformers modeling_granite_docling.py."""
    text = text_section(config, TEXT, tied=True)
    vision = required(config, "vision_config", VISION)
    towers = chain(siglip_positions(vision), siglip_blocks(vision), _connector(vision), _router(config, vision))
    return beside(llama, text, vision, vision=towers)


def _connector(config: Config) -> Counted:
    """Squares of patches into the text's width: coarse ones, and finer ones where `use_fine_route` says so."""
    width, out, side = config.wholes("hidden_size", "out_hidden_size", "scale_factor")
    tapped = len(config.whole_list("deepstack_visual_indexes"))
    yield from weight("connector.ln_in", width, bias=True)
    for squared in (side * side, (side // 2) ** 2) if config.flag("use_fine_route") else (side * side,):
        merged = width * squared
        yield from weight("connector.projection", out, merged)
        yield from weight("merger.layer_norm", merged, copies=tapped, bias=True)
        yield from weight("merger.linear_1", out, merged, copies=tapped, bias=True)
        yield from weight("merger.linear_2", out, out, copies=tapped, bias=True)
    yield from weight("connector.ln_mid connector.ln_out", out, bias=True)
    yield from weight("connector.mlp_fc2", out, out)


def _router(config: Config, vision: Config) -> Counted:
    """What chooses the finer squares for a dense page, where the file gives it a width."""
    inner, width = config.optional("density_router_hidden_size"), vision.whole("hidden_size")
    if inner is None:
        return
    yield from weight("density_router.att", 1, width, bias=True)
    yield from weight("density_router.norm", width, bias=True)
    yield from weight("density_router.fc1", inner, width, bias=True)
    yield from weight("density_router.fc2", 1, inner, bias=True)


TEXT = LLAMA | {
    "model_type": "granite_docling_text", "vocab_size": 133800, "hidden_size": 1024, "intermediate_size": 2048,
    "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 4, "max_position_embeddings": 32768,
    "tie_word_embeddings": True,
}  # fmt: skip
VISION = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "num_channels": 3, "image_size": 512, "patch_size": 16, "out_hidden_size": 1024, "scale_factor": 4,
    "deepstack_visual_indexes": (3, 7, 10), "use_fine_route": True,
}  # fmt: skip

FAMILIES = (
    Family("granite_docling", granite_docling, {}),
    Family("granite_docling_text", llama, TEXT),
)
