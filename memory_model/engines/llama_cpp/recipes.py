"""What is particular to the graph of each family (src/models of llama.cpp 0c1e57098)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ...blocks.mlp import MixtureOfExperts
from ...model_shape import ModelShape
from .graph_feed_forward import Routing

DEFAULT_ROUTING = Routing()


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a decoder's graph differs from that of Llama."""

    normed_input: bool = True
    """A norm in front of attention and MLP; else behind (OLMo 2)."""
    residual_first: bool = False
    """The last sum of a layer reads the residual first, hence overwrites that (phi3.cpp)."""
    rows_after: str = "attention"
    """Where the rows of other than output tokens are left out: in the last layer, behind all `layers`, or the last `norm`."""
    routing: Routing = DEFAULT_ROUTING
    routing_stated: bool = False
    """The checkpoint's config says how experts are chosen and weighted."""


STATED = Recipe(routing_stated=True)
RECIPES = {
    "llama": Recipe(),
    "mistral": Recipe(),
    "mixtral": Recipe(),
    "qwen2": Recipe(),
    "qwen3": Recipe(),
    "qwen3_moe": Recipe(),
    "phi3": Recipe(residual_first=True),
    "olmo2": Recipe(normed_input=False),
    "gemma2": Recipe(),
    "gemma3_text": Recipe(),
    "gpt_oss": Recipe(rows_after="layers", routing=Routing("chosen", normalised=False)),
    "deepseek_v2": STATED,
    "deepseek_v3": STATED,
    "glm4_moe": Recipe(routing=Routing("sigmoid"), routing_stated=True),
    "mamba2": Recipe(),
    "falcon_h1": Recipe(),
    "nemotron_h": Recipe(rows_after="norm"),
    "granitemoehybrid": Recipe(),
    "qwen3_next": Recipe(rows_after="norm"),
    "llama4_text": Recipe(routing=Routing("sigmoid", normalised=False, weighs_input=True)),
}
"""By the model_type of the language model."""
UNROTATED = ("nemotron_h", "granitemoehybrid")


def recipe_of(model: ModelShape) -> Recipe | None:
    """The recipe of a model's family, with what its own config decides; None for a family without."""
    recipe = RECIPES.get(model.modeling)
    if recipe is None or not recipe.routing_stated:
        return recipe
    return replace(recipe, routing=_stated(recipe.routing, model))


def _stated(routing: Routing, model: ModelShape) -> Routing:
    """conversion/base.py and deepseek.py write these keys where a config has them."""
    config: Any = model.config.get("text_config", model.config)
    biased = any(isinstance(g.mlp, MixtureOfExperts) and g.mlp.correction_bias for g in model.layers)
    return Routing(
        gate=config.get("scoring_func", routing.gate),
        normalised=bool(config.get("norm_topk_prob", False)),
        scaled=config.get("routed_scaling_factor", 1.0) not in (0.0, 1.0),
        groups=config.get("n_group") or 1,
        groups_used=config.get("topk_group") or 1,
        biased=biased,
    )


def rotates(model: ModelShape, layer: int) -> bool:
    """Whether queries and keys of a layer are rotated."""
    config: Any = model.config.get("text_config", model.config)
    if model.modeling in UNROTATED:
        return False
    if model.modeling == "llama4_text":
        step = config.get("no_rope_layer_interval") or 4
        return (layer + 1) % step != 0
    return True
