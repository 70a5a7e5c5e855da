"""What is particular to the graph of each family (src/models of llama.cpp 0c1e57098)."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from ...blocks.kimi_delta import KimiDeltaAttention
from ...blocks.linear import LinearMixer
from ...blocks.mlp import DenseBesideExperts, DenseMlp, MixtureOfExperts
from ...model_shape import LayerGroup, ModelShape
from .graph_feed_forward import Routing
from .recipe import Recipe, rotates

STATED = Recipe(routing_stated=True)
LLAMA = Recipe()
UNNORMALISED = Recipe(routing=Routing(normalised=False))
RECIPES = {
    **dict.fromkeys(
        (
            "apertus", "ernie4_5", "ernie4_5_moe", "glm4",
            "falcon_h1", "internlm2", "llama", "mamba2", "mistral", "mixtral",
            "qwen2", "qwen3", "qwen3_moe", "seed_oss", "arcee", "glm", "baichuan", "chatglm", "exaone", "bamba",
            "mellum",
        ),
        LLAMA,
    ),
    **dict.fromkeys(
        (
            "gemma", "gemma2", "gemma3_text", "granite", "granitemoe", "granitemoehybrid", "granitemoeshared", "minicpm",
            "granite_swa", "granitemoe_swa",
        ), Recipe(scales_embedding=True)
    ),
    "minicpm3": Recipe(scales_embedding=True, scales_normed=True),
    "exaone4": Recipe(normed_input=False, rotated="windows"),
    "smollm3": Recipe(rotated="three of four"),
    "ministral3": Recipe(tempered="all"),
    **dict.fromkeys(("hunyuan_v1_dense", "hunyuan_v1_moe"), Recipe(norms_rotated=True)),
    "olmo2": Recipe(normed_input=False),
    "olmo3": Recipe(normed_input=False),
    "phi3": Recipe(residual_first="mlp"),
    "nemotron": Recipe(rms=False),
    "starcoder2": Recipe(rms=False),
    "stablelm": Recipe(rms=False),
    "dbrx": Recipe(rms=False),
    "gpt2": Recipe(rms=False, learned_positions=True),
    "gpt_bigcode": Recipe(rms=False, learned_positions=True),
    "jais2": Recipe(rms=False),
    "mpt": Recipe(rms=False),
    "olmo": Recipe(rms=False),
    "gpt_neox": Recipe(rms=False, parallel="own"),
    "phi": Recipe(rms=False, parallel="fed"),
    "cohere": Recipe(rms=False, parallel="stream"),
    "cohere2": Recipe(rms=False, parallel="stream", rotated="windows"),
    "cohere2_moe": Recipe(rms=False, parallel="stream", rows_after="norm", routing=Routing("sigmoid"), routing_stated=True),
    "olmoe": UNNORMALISED,
    "deepseek": UNNORMALISED,
    "bailing_moe": STATED,
    "bailing_moe_v2": Recipe(routing=Routing("sigmoid"), routing_stated=True),
    "youtu": STATED,
    "mamba": LLAMA,
    "falcon_mamba": LLAMA,
    "jamba": Recipe(residual_first="always", routing=Routing(normalised=False)),
    "lfm2": Recipe(residual_first="always"),
    "lfm2_moe": Recipe(residual_first="always", routing=Routing("sigmoid")),
    "qwen2_moe": Recipe(routing=Routing(normalised=False, divided_gate=True)),
    "phimoe": Recipe(residual_first="mlp"),
    "falcon": Recipe(rms=False, parallel="mixed"),
    "kimi_k2": STATED,
    "glm4_moe_lite": Recipe(routing=Routing("sigmoid"), routing_stated=True),
    **dict.fromkeys(("minimax", "minimax_text_01", "minimax_m1"), Recipe(onto_normed=True, reserves_alone=True)),
    "minimax_m3_vl_text": Recipe(routing=Routing("sigmoid", scaled=True)),
    "minimax_m2": Recipe(routing=Routing("sigmoid")),
    "gpt_oss": Recipe(rows_after="layers", routing=Routing("chosen", normalised=False)),
    "deepseek_v2": STATED,
    "deepseek_v3": STATED,
    "deepseek_v4": Recipe(mixed_streams=4, routing=Routing("sqrtsoftplus"), routing_stated=True),
    "deepseek_v32": Recipe(routing=Routing("sigmoid"), routing_stated=True),
    "glm_moe_dsa": Recipe(routing=Routing("sigmoid"), routing_stated=True),
    **dict.fromkeys(("dots1", "glm4_moe", "solar_open"), Recipe(routing=Routing("sigmoid"), routing_stated=True)),
    "exaone_moe": Recipe(rotated="windows", routing=Routing("sigmoid"), routing_stated=True),
    "glm4v_moe_text": Recipe(positions_per_token=4, routing=Routing("sigmoid"), routing_stated=True),
    "llama4_text": Recipe(
        tempered="unrotated", rotated="windows", routing=Routing("sigmoid", normalised=False, weighs_input=True)
    ),
    "nemotron_h": Recipe(rows_after="norm", routing=Routing("sigmoid"), routing_stated=True),
    "qwen3_next": Recipe(rows_after="norm"),
    "qwen3_5_text": Recipe(rows_after="norm", positions_per_token=4),
    "qwen3_5_moe_text": Recipe(rows_after="norm", positions_per_token=4),
    "bloom": Recipe(rms=False, embedding_norm=True),
    "gemma4_text": Recipe(
        rows_after="norm", norms_values=True, scales_embedding=True, routing=Routing(joined=True, scales_outputs=True)
    ),
    "afmoe": Recipe(scales_embedding=True, rotated="windows", routing=Routing("sigmoid", scaled=True)),
    "laguna": Recipe(routing=Routing("sigmoid", scaled=True)),
    "hy_v3": Recipe(rows_after="norm", routing=Routing("sigmoid", scaled=True)),
    "step3p5": Recipe(rows_after="layers", routing=Routing("sigmoid", scaled=True)),
    "hunyuan_vl_text": Recipe(norms_rotated=True, positions_per_token=4),
    "gemma3n_text": Recipe(norms_values=True, scales_embedding=True, sparse_layers=10),
    "kimi_linear": Recipe(rotated="none", reserves_alone=True, routing=Routing("sigmoid", scaled=True)),
    "mimo_v2_flash": Recipe(routing=Routing("sigmoid")),
    "mistral4": Recipe(tempered="all", routing_stated=True),
    "muse_glimmer_text": Recipe(embedding_norm=True, gate_apart=True, rotated="windows"),
    "nemotron-nas": LLAMA,
    **dict.fromkeys(
        (
            "qwen2_vl_text", "qwen2_5_vl_text", "qwen3_vl_text", "qwen3_vl_moe_text", "qwen3_omni_moe_text",
            "glm4v_text", "glm_ocr_text", "paddleocr_vl_text",
        ),
        Recipe(positions_per_token=4),
    ),
}  # fmt: skip
"""By the model_type of the language model.

Contexts of real models of nearly all were created by the engine and are equal to the byte; the others agree to 0.01 MiB
with small models on a later build (llama.cpp b11549).
"""


def recipe_of(model: ModelShape) -> Recipe | None:
    """The recipe of a model's family, with what its own config decides; None for a family without."""
    recipe = RECIPES.get(model.modeling)
    if recipe is None or not all(_is_built(group, recipe) for group in model.layers):
        return None
    if model.modeling == "baichuan" and model.num_hidden_layers != BAICHUAN_7B:
        return None
    if model.modeling == "stablelm" and model.config.get("use_parallel_residual"):
        return None
    for tensor in model.embeddings:
        if tensor.role == "embed_tokens_per_layer":
            layers = model.num_hidden_layers
            recipe = replace(recipe, layer_inputs=(layers, tensor.columns // layers))
    mixtures = [group.mlp for group in model.layers if isinstance(group.mlp, MixtureOfExperts)]
    if _normed_twice(recipe, model):
        recipe = replace(recipe, parallel="twice")
    config = model.text_config
    if recipe.tempered == "all" and not (config.get("rope_parameters") or {}).get("llama_4_scaling_beta"):
        recipe = replace(recipe, tempered="")
    if model.modeling == "gemma3n_text":
        recipe = replace(recipe, streams=config.get("altup_num_inputs", 4), laurel_rank=config.get("laurel_rank", 64))
    if config.get("attn_res_block_size"):
        block = config["attn_res_block_size"]
        recipe = replace(recipe, residual_block=block, situ=True, reserves_alone=False)
    if model.modeling in ("qwen3_vl_text", "qwen3_vl_moe_text"):
        recipe = replace(recipe, deep_embeddings=_deep_embeddings(model))
    if not mixtures:
        return recipe
    routing = _stated(recipe.routing, model) if recipe.routing_stated else recipe.routing
    biased = any(mixture.correction_bias or mixture.correction_counted for mixture in mixtures)
    scaled = routing.scaled and all(config.get(key) != 1.0 for key in SCALES)
    return replace(recipe, routing=replace(routing, biased=biased, scaled=scaled))


SCALES = (
    "routed_scaling_factor", "route_scale", "moe_routed_scaling_factor", "router_scaling_factor",
    "moe_router_scaling_factor",
)  # fmt: skip
"""What configs call the number that the weights of experts are multiplied by, unless it is 1."""
BAICHUAN_7B = 32
"""Layers by which the engine knows the models of this family that rotate; others have linear biases (baichuan.cpp)."""


def _is_built(group: LayerGroup, recipe: Recipe) -> bool:
    """Whether the graph of such a layer is known: not attention replaced by a matrix, nor experts beside any MLP."""
    if isinstance(group.mixer, KimiDeltaAttention) and group.mixer.full_rank_forget:
        return False
    beside = isinstance(group.mlp, DenseBesideExperts) and recipe.norms_values
    return (beside or isinstance(group.mlp, DenseMlp | MixtureOfExperts | None)) and not isinstance(
        group.mixer, LinearMixer
    )


def _deep_embeddings(model: ModelShape) -> int:
    vision: Any = model.config.get("vision_config", {})
    return len(vision.get("deepstack_visual_indexes", ()))


def _normed_twice(recipe: Recipe, model: ModelShape) -> bool:
    """Whether attention and MLP have a norm each, where smaller models of the family share one (Falcon 40B, 180B)."""
    norms = (sum(not tensor.role.endswith(".bias") for tensor in group.around) for group in model.layers)
    return recipe.parallel == "mixed" and any(count > 1 for count in norms)


def _stated(routing: Routing, model: ModelShape) -> Routing:
    """conversion/base.py and deepseek.py write these keys where a config has them."""
    config = model.text_config
    return Routing(
        gate=config.get("scoring_func", routing.gate),
        normalised=bool(config.get("norm_topk_prob", False)),
        scaled=config.get("routed_scaling_factor", 1.0) not in (0.0, 1.0),
        groups=config.get("n_group") or 1,
        groups_used=config.get("topk_group") or 1,
    )


@lru_cache(maxsize=256)
def knows_positions(model: ModelShape) -> bool:
    """Whether any layer reads the tokens' positions, or the embedding does; taken for granted in a family without a recipe."""
    recipe = RECIPES.get(model.modeling)
    if recipe is None or recipe.learned_positions:
        return True
    return any(rotates(recipe, model, index, group.mixer) for group in model.layers for index in group.layers)
