"""PaliGemma: SigLIP, one matrix, and Gemma."""

from __future__ import annotations

from itertools import chain

from ...model_shape import ModelShape
from ..config import Config
from ..family import Family
from .language_models import language_model, with_towers
from .parts import weight
from .vision_towers import vision_tower


def paligemma(config: Config) -> ModelShape:
    """Beyer et al. 2024, arXiv:2407.07726; transformers modeling_paligemma.py.

    The prompt attends to itself in both directions: `use_bidirectional_attention` of the section, which the wrapper sets.
    Where `image_token_index` lies beyond the vocabulary, as in no published file, 9 bytes a token more are held.
    """
    config.ignore("vocab_size", "hidden_size", "num_image_tokens")
    text = language_model(config, "gemma", known=("gemma", "gemma2"), tied=True)
    text = text.changed(use_bidirectional_attention=None)
    text.ignore("num_image_tokens")
    vision, tensors = vision_tower(config, "siglip_vision_model")
    vision.ignore("projection_dim", "vocab_size", "num_image_tokens", "num_positions")
    out, width = config.whole("projection_dim", 2048), vision.whole("hidden_size")
    projector = weight("projector.linear", out, width, bias=True)
    return with_towers(text, vision, vision=chain(tensors, projector))


FAMILIES = (Family("paligemma", paligemma, {}),)
