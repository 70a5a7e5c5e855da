"""Idefics 2 and 3, SmolVLM: SigLIP's encoder without its head, and a connector into any language model."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from .encoder_layers import gated_mlp, siglip_blocks, siglip_positions
from .language_models import language_model, with_towers
from .parts import Counted, required, weight

VISION3 = {
    "hidden_size": 1152, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 16,
    "num_channels": 3, "image_size": 224, "patch_size": 32,
}  # fmt: skip
VISION2 = VISION3 | {"hidden_size": 768, "num_attention_heads": 12}
PERCEIVER = {
    "resampler_n_latents": 64, "resampler_depth": 3, "resampler_n_heads": 16, "resampler_head_dim": 96,
    "num_key_value_heads": 4,
}  # fmt: skip


def idefics3(config: Config) -> ModelShape:
    """Laurençon et al. 2024, arXiv:2408.12637; transformers modeling_idefics3.py: squares of patches, then one matrix.

    SmolVLM (Marafioti et al. 2025, arXiv:2504.05299; modeling_smolvlm.py) has the same layout.
    """
    config.ignore("vocab_size", "perceiver_config")
    text, vision = language_model(config, "llama"), _vision(config, VISION3)
    merged = vision.whole("hidden_size") * config.whole("scale_factor", 2) ** 2
    connector = weight("connector.proj", text.whole("hidden_size"), merged)
    return with_towers(text, vision, vision=chain(encoder(vision), connector))


def idefics2(config: Config) -> ModelShape:
    """Laurençon et al. 2024, arXiv:2405.02246; transformers modeling_idefics2.py: a perceiver as wide as the text."""
    text, vision = language_model(config, "mistral"), _vision(config, VISION2)
    perceiver = required(config, "perceiver_config", PERCEIVER)
    return with_towers(text, vision, perceiver, vision=chain(encoder(vision), _connector(text, vision, perceiver)))


def _vision(config: Config, defaults: dict[str, int]) -> Config:
    """The section of the tower; what files add about the sizes of images is for the processor."""
    vision = required(config, "vision_config", defaults)
    vision.ignore("model_type", "max_image_size", "size", "use_base_siglip")
    return vision


def encoder(config: Config) -> Counted:
    """Idefics3VisionTransformer."""
    yield from siglip_positions(config)
    yield from siglip_blocks(config)


def _connector(text: Config, vision: Config, perceiver: Config) -> Counted:
    """Idefics2Connector: a gated MLP into the text's width, and layers that read the patches into a few latents."""
    hidden_size, wide = text.wholes("hidden_size", "intermediate_size")
    yield from weight("connector.gate_proj connector.up_proj", wide, vision.whole("hidden_size"))
    yield from weight("connector.down_proj", hidden_size, wide)
    perceiver.ignore("hidden_size", "model_type")  # the text's width counts
    latents, depth = perceiver.wholes("resampler_n_latents", "resampler_depth")
    head = perceiver.whole("resampler_head_dim")
    queries = perceiver.whole("resampler_n_heads") * head
    keys = perceiver.whole("num_key_value_heads") * head
    yield from weight("perceiver.latents", latents, hidden_size)
    yield from weight(
        "perceiver.input_latents_norm perceiver.input_context_norm perceiver.post_attention_layernorm",
        hidden_size,
        copies=depth,
    )
    yield from weight("perceiver.q_proj", queries, hidden_size, copies=depth)
    yield from weight("perceiver.k_proj perceiver.v_proj", keys, hidden_size, copies=depth)
    yield from weight("perceiver.o_proj", hidden_size, queries, copies=depth)
    yield from gated_mlp(depth, hidden_size, 4 * hidden_size)
    yield from weight("perceiver.norm", hidden_size)


FAMILIES = (
    Family("idefics2", idefics2, {}),
    Family("idefics3", idefics3, {}),
    Family("smolvlm", idefics3, {}),
)
