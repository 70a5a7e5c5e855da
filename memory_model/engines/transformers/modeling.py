"""What the modeling code of each model_type does, as traits (transformers 5.23.0)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from ...model_shape import ModelShape
from .modeling_code import ModelingCode
from .modeling_dense import DENSE
from .modeling_experts import EXPERTS
from .modeling_image_text import IMAGE_TEXT, wrapped

__all__ = ["CODE", "ModelingCode", "code_of"]

CODE: dict[str, ModelingCode] = {
    **DENSE,
    "llama": ModelingCode(),
    "mistral": ModelingCode(),
    "mixtral": ModelingCode(routing_weight_bytes=4),
    "qwen2": ModelingCode(masks="full"),
    "qwen3": ModelingCode(masks="full"),
    "qwen3_moe": ModelingCode(),
    "gemma2": ModelingCode(norm="gemma", order="sandwich", logit_copies=2, masks="both", sdpa=False),
    "gemma3_text": ModelingCode(
        norm="gemma", order="sandwich", qk_norm_when="all", rope_tables_by_kind=True, masks="both"
    ),
    "phi3": ModelingCode(rope="joined"),
    "deepseek_v2": ModelingCode(rope="joined", router_logit_bytes=4, routing_weight_bytes=4, router_in_float32=True),
    "deepseek_v3": ModelingCode(rope="joined", router_logit_bytes=4, routing_weight_bytes=4, router_in_float32=True),
    "gpt_oss": ModelingCode(norm="late", rope="joined", rope_table_share=0.5, scores="sink", masks="both", sdpa=False),
    "gpt2": ModelingCode(
        norm="layer",
        rope="none",
        scores="plain",
        embeddings=2,
        activation="gelu_new",
        qkv_views=True,
        holds_attention_output=True,
    ),
    "opt": ModelingCode(norm="layer", rope="none", embeddings=2, holds_normed_input=False, position_mask=True),
    "gpt_neox": ModelingCode(norm="layer", order="parallel", rope="joined"),
    "olmo2": ModelingCode(norm="late", order="post", rope="float32", rope_table_bytes=4),
    "olmo3": ModelingCode(
        norm="late", order="post", rope="float32", rope_table_bytes=4, rope_tables_by_kind=True, masks="both"
    ),
    "cohere": ModelingCode(norm="centred", order="parallel", rope="upcast", logit_copies=2),
    "cohere2": ModelingCode(
        norm="centred", order="parallel", rope="upcast", rope_in_windows_only=True, logit_copies=2, masks="both"
    ),
    "smollm3": ModelingCode(masks="full"),
    "glm4": ModelingCode(order="sandwich", rope="partial", rope_tables_repeated=True),
    "glm4_moe": ModelingCode(
        rope="partial", qk_norm_when="all", router_logit_bytes=4, routing_weight_bytes=4, router_in_float32=True
    ),
    "glm4_moe_lite": ModelingCode(rope="joined", router_logit_bytes=4, routing_weight_bytes=4, router_in_float32=True),
    "exaone4": ModelingCode(order="post", qk_norm_when="all", rope_in_windows_only=True, masks="full"),
    "granite": ModelingCode(logit_copies=2),
    "granitemoe": ModelingCode(router_logit_bytes=4, logit_copies=2),
    "nemotron": ModelingCode(norm="layer", rope="partial", activation="relu2"),
    "starcoder2": ModelingCode(norm="layer"),
    "stablelm": ModelingCode(
        norm="layer",
        one_norm_is_parallel=True,
        rope="partial",
        holds_unrotated=True,
        holds_attention_input=True,
        holds_attention_output=True,
    ),
    "seed_oss": ModelingCode(),
    "hunyuan_v1_dense": ModelingCode(qk_norm_when="rotated"),
    "hunyuan_v1_moe": ModelingCode(
        qk_norm_when="rotated", router_logit_bytes=4, routing_weight_bytes=4, shared_experts_first=True
    ),
    "ernie4_5": ModelingCode(rope="float32", rope_table_bytes=4, rope_tables_repeated=True),
    "ernie4_5_moe": ModelingCode(
        rope="float32", rope_table_bytes=4, rope_tables_repeated=True, router_logit_bytes=4, shared_experts_first=True
    ),
    "qwen2_moe": ModelingCode(shared_experts_first=True, masks="both", window_of_zero=True),
    "olmoe": ModelingCode(),
    "phimoe": ModelingCode(norm="layer"),
    "minimax_m2": ModelingCode(rope="partial", routing_weight_bytes=4),
    "falcon": ModelingCode(
        norm="layer",
        order="parallel",
        both_norms_first=True,
        holds_previous_weights=True,
        enable_gqa=False,
        repeats_kv=False,
        unpacks=True,
        scores="raw",
        mask_always=True,
        masks_itself="prefill",
    ),
    "bloom": ModelingCode(
        norm="layer",
        rope="none",
        qkv_views=True,
        holds_previous_weights=True,
        activation="bloom_gelu",
        scores="alibi",
        alibi=True,
        masks_itself="always",
        sdpa=False,
    ),
    "ministral3": ModelingCode(),
    "mistral4": ModelingCode(rope="joined", router_logit_bytes=2, routing_weight_bytes=2),
    "deepseek_v32": ModelingCode(
        rope="joined", mask_always=True, router_logit_bytes=4, routing_weight_bytes=4, router_in_float32=True
    ),
    "glm_moe_dsa": ModelingCode(
        rope="joined",
        mask_always=True,
        holds_chosen=True,
        router_logit_bytes=4,
        routing_weight_bytes=4,
        router_in_float32=True,
    ),
    "llama4_text": ModelingCode(
        rope="upcast",
        rope_in_windows_only=True,
        rope_table_share=0.5,
        rope_table_bytes=4,
        holds_attention_output=True,
        scores="plain",
        masks="both",
        chunked=True,
        scales_by_position=True,
        all_experts=True,
    ),
    "gemma3n_text": ModelingCode(
        norm="wide",
        rope_one_by_one=True,
        rope_tables_by_kind=True,
        logit_copies=2,
        masks="both",
        streams=4,
        per_layer_inputs=256,
    ),
    "gemma4_text": ModelingCode(
        norm="wide",
        order="sandwich",
        rope_one_by_one=True,
        rope_tables_by_kind=True,
        rope_tables_whole=True,
        logit_copies=2,
        caps_if_stated=True,
        masks="both",
        per_layer_inputs=256,
        router_logit_bytes=4,
        routing_weight_bytes=4,
    ),
    "deepseek_v4": ModelingCode(
        streams=4,
        shared_experts_first=True,
        sdpa=False,
        measured_caches="default",
        missed="within 0.2 % of measured totals; buffers of unfinished windows count here, not in the cache",
    ),
    "minicpm3": ModelingCode(rope="joined", scales_final=True),
    "mimo_v2_flash": ModelingCode(
        rope="partial",
        rope_tables_by_kind=True,
        scores="shifted",
        router_logit_bytes=4,
        routing_weight_bytes=4,
        sdpa=False,
        router_in_float32=True,
    ),
    "mamba": ModelingCode(rope="none", float32_stream=True, float32_logits=True, sdpa=False),
    "falcon_mamba": ModelingCode(
        rope="none", float32_stream=True, float32_logits=True, sdpa=False, measured_caches="default"
    ),
    "mamba2": ModelingCode(rope="none", float32_stream=True, float32_logits=True, sdpa=False),
    "jamba": ModelingCode(rope="none", measured_caches="default"),
    "bamba": ModelingCode(holds_previous_weights=True),
    "granitemoehybrid": ModelingCode(logit_copies=2, router_logit_bytes=4),
    "falcon_h1": ModelingCode(logit_copies=2, scaled_inputs=True),
    "qwen3_next": ModelingCode(norm="gemma", rope="partial", shared_experts_first=True),
    "qwen3_5_text": ModelingCode(norm="gemma", rope="partial"),
    "qwen3_5_moe_text": ModelingCode(norm="gemma", rope="partial", shared_experts_first=True),
    "kimi_linear": ModelingCode(rope="none", router_logit_bytes=4, routing_weight_bytes=4, router_in_float32=True),
    "minimax": ModelingCode(normed_residual=True, mask_without_past=True, routing_weight_bytes=4, caches="own"),
    "olmo_hybrid": ModelingCode(norm="late", order="post", recurrent_pre_norm=True, rope="float32", rope_table_bytes=4),
    "zamba2": ModelingCode(embedding_copied=True),
    "zamba": ModelingCode(rope="none", embedding_copied=True),
    "recurrent_gemma": ModelingCode(
        norm="gemma",
        rope="partial",
        rope_tables_in_layers=True,
        holds_attention_input=True,
        logit_copies=3,
        caches="own",
        measured_caches="default",
    ),
    "lfm2": ModelingCode(),
    "lfm2_moe": ModelingCode(),
    "nemotron_h": ModelingCode(
        rope="none",
        activation="relu2",
        router_logit_bytes=4,
        routing_weight_bytes=4,
        float32_logits=True,
        chunk=128,
        router_in_float32=True,
    ),
    "phi": ModelingCode(norm="layer", order="parallel", rope="partial", holds_unrotated=True, activation="gelu_new"),
    "apertus": ModelingCode(qk_norm_when="all", activation="xielu"),
    **EXPERTS,
    **IMAGE_TEXT,
}
"""One row a model_type; a type without a row is treated like llama and its activations are marked as assumed."""


def code_of(model: ModelShape) -> ModelingCode | None:
    """The row of a model, its norms as its config decides them; None where there is no row."""
    code = _code_in(model.model_type, model.modeling)
    if code is not None and code.rms_if_stated and model.config.get("rms_norm_eps") is not None:
        return replace(code, norm="rms")
    return code


@cache
def _code_in(model_type: str, modeling: str) -> ModelingCode | None:
    return wrapped(model_type, modeling, CODE.get(modeling))
