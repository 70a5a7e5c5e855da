"""Step 3.7: the language model of Step 3.5 with a vision transformer whose residuals are scaled."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from ..step3p5 import FAMILIES as STEP3P5
from ..step3p5 import step3p5
from .encoder_layers import blocks, grid, heads, patches
from .parts import Counted, beside, required, text_section, weight


def step3p7(config: Config) -> ModelShape:
    """StepFun 2026; transformers modeling_step3p7.py."""
    text, vision = text_section(config, TEXT, tied=False), required(config, "vision_config", VISION)
    vision = vision.renamed(hidden_size="width", num_hidden_layers="layers", num_attention_heads="heads")
    projector = _projector(config, vision, text.whole("hidden_size"))
    return beside(step3p5, text, vision, vision=chain(_vision(vision), projector))


def _vision(config: Config) -> Counted:
    """Step3p7VisionModel: scaled residuals, and two convolutions that halve both sides of the grid."""
    config.ignore("intermediate_size", "max_position_embeddings", "layer_scale_init_value", "ls_init_value")
    width, layers = config.wholes("hidden_size", "num_hidden_layers")
    heads(config, width)
    yield from patches(config, width, bias=False)
    yield from weight("position_embedding", grid(config), width)
    yield from weight("pre_layernorm", width, bias=True)
    yield from blocks(layers, width, int(width * config.number("mlp_ratio", most=100)))
    yield from weight("lambda_1 lambda_2", width, copies=layers)
    yield from weight("downsampler1", 2 * width, 9 * width, bias=True)
    yield from weight("downsampler2", 4 * width, 9 * 2 * width, bias=True)


def _projector(config: Config, vision: Config, hidden_size: int) -> Counted:
    yield from weight("projector", hidden_size, 4 * vision.whole("hidden_size"), bias=config.flag("projector_bias"))


TEXT = {**STEP3P5[0].defaults, "model_type": "step3p5"}
VISION = {
    "hidden_size": 1536, "num_hidden_layers": 47, "num_attention_heads": 16, "num_channels": 3, "image_size": 728,
    "patch_size": 14, "mlp_ratio": 8960 / 1536,
}  # fmt: skip

FAMILIES = (Family("step3p7", step3p7, {}),)
