"""What the modeling code of newer mixtures of experts and latent attention does, as traits (transformers 5.23.0)."""

from __future__ import annotations

from .modeling_code import ModelingCode

EVENLY = "as if every expert was chosen by as many tokens; more for one of them need more"

EXPERTS: dict[str, ModelingCode] = {
    "step3p5": ModelingCode(
        norm="gemma",
        rope="partial",
        rope_tables_by_kind=True,
        gates="first",
        masks="both",
        shared_experts_first=True,
        loops_over_experts=True,
        clamps_gates=True,
        routing_weight_bytes=4,
        assumed=EVENLY,
    ),
    "dbrx": ModelingCode(
        norm="layer",
        rotates_views=True,
        frees_weights=True,
        loops_over_experts=True,
        assumed=EVENLY,
    ),
    "granitemoeshared": ModelingCode(router_logit_bytes=4, logit_copies=2, shared_by_layer=True),
    "granitemoe_swa": ModelingCode(
        router_logit_bytes=4,
        logit_copies=2,
        scores="scaled",
        masks="both",
        stated_window=128,
        rope_tables_by_theta=True,
        shared_by_layer=True,
        sdpa=False,
    ),
    "dots1": ModelingCode(router_logit_bytes=4, routing_weight_bytes=4, router_in_float32=True),
    "solar_open": ModelingCode(router_logit_bytes=4, routing_weight_bytes=4, router_in_float32=True),
    "exaone_moe": ModelingCode(
        qk_norm_when="all",
        rope_in_windows_only=True,
        router_logit_bytes=4,
        routing_weight_bytes=4,
        router_in_float32=True,
    ),
    "hy_v3": ModelingCode(
        router_logit_bytes=4, routing_weight_bytes=4, router_in_float32=True, float32_sum_of_experts=True
    ),
    "flex_olmo": ModelingCode(norm="late", order="post", rope="float32", rope_table_bytes=4),
    "mellum": ModelingCode(rope_tables_by_kind=True),
    "afmoe": ModelingCode(
        norm="late",
        order="sandwich",
        qk_norm_when="all",
        gates="first",
        scales_embedding=True,
        rope_in_windows_only=True,
        masks="both",
        stated_window=1024,
        shared_experts_first=True,
        router_logit_bytes=4,
        routing_weight_bytes=4,
    ),
    "laguna": ModelingCode(
        rope="partial", rope_tables_by_kind=True, qk_norm_when="all", shared_experts_first=True, router_logit_bytes=4
    ),
    "cohere2_moe": ModelingCode(
        norm="centred",
        rms_if_stated=True,
        order="parallel",
        rope="upcast",
        rope_tables_whole=True,
        logit_copies=2,
        masks="both",
        stated_window=4096,
    ),
    "youtu": ModelingCode(rope="joined"),
    "bailing_hybrid": ModelingCode(
        rope="joined", router_logit_bytes=4, routing_weight_bytes=4, router_in_float32=True, decay_bytes=2
    ),
    "axk1": ModelingCode(rope="joined", router_logit_bytes=4, routing_weight_bytes=4, router_in_float32=True),
    "axk2": ModelingCode(
        rope="joined", mask_always=True, router_logit_bytes=4, routing_weight_bytes=4, router_in_float32=True
    ),
    "kolibri1": ModelingCode(
        order="sandwich",
        qk_norm_when="all",
        rope_in_windows_only=True,
        masks="both",
        stated_window=513,
        router_logit_bytes=4,
        routing_weight_bytes=4,
    ),
    "flint": ModelingCode(
        norm="late",
        scores="exact",
        rope_in_windows_only=True,
        masks="both",
        stated_window=513,
        router_logit_bytes=4,
        routing_weight_bytes=4,
        router_in_float32=True,
        sdpa=False,
    ),
    "jetmoe": ModelingCode(
        router_logit_bytes=4,
        assumed="prompts within 6 % of what was measured; while it writes, copies of experts' weights are counted that it does not make",
    ),
    "lfm3": ModelingCode(order="sandwich", rope="float32", rope_table_bytes=4, rope_tables_by_kind=True, gates="late"),
}
"""One row a model_type, beside those of `modeling.py`."""
