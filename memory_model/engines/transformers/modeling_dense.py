"""Rows of `modeling.CODE` for dense decoders beside the families that most others descend from (transformers 5.23.0)."""

from __future__ import annotations

from .modeling_code import ModelingCode

DENSE: dict[str, ModelingCode] = {
    "gemma": ModelingCode(norm="gemma"),
    "glm": ModelingCode(rope="partial", rope_tables_repeated=True),
    "olmo": ModelingCode(rope="float32", rope_table_bytes=4),
    "hyperclovax": ModelingCode(order="sandwich", logit_copies=2),
    "gpt_bigcode": ModelingCode(
        norm="layer", rope="none", embeddings=2, qkv_views=True, holds_attention_output=True, buffer="mask"
    ),
    "gptj": ModelingCode(
        norm="layer",
        order="parallel",
        rope="partial",
        rope_tables_in_layers=True,
        rope_table_share=0.5,
        gathers_positions=True,
        holds_unrotated=True,
        holds_previous_weights=True,
        activation="gelu_new",
        scores="upcast",
        buffer="table_by_layer",
        sdpa=False,
    ),
    "codegen": ModelingCode(
        norm="layer",
        order="parallel",
        rope="partial",
        rope_tables_in_layers=True,
        rope_table_share=0.5,
        rope_table_bytes=4,
        rotates_in_float32=True,
        holds_previous_weights=True,
        activation="gelu_new",
        scores="upcast",
        buffer="table_by_layer",
        sdpa=False,
    ),
    "gpt_neo": ModelingCode(
        norm="layer",
        rope="none",
        embeddings=2,
        holds_previous_weights=True,
        holds_attention_output=True,
        activation="gelu_new",
        scores="upcast_where",
        buffer="mask_by_layer",
        sdpa=False,
    ),
    "mpt": ModelingCode(
        norm="layer",
        rope="none",
        qkv_views=True,
        holds_previous_weights=True,
        holds_attention_output=True,
        scores="biased",
        bool_masks=True,
        sdpa=False,
    ),
    "bitnet": ModelingCode(sub_norms=True),
    "helium": ModelingCode(norm="wide", rope_tables_repeated=True),
    "arcee": ModelingCode(activation="relu2"),
    "nanochat": ModelingCode(
        norm="bare", qk_norm_when="rotated", keeps_embedding=True, activation="relu2", logit_copies=2
    ),
    "ministral": ModelingCode(masks="both"),
    "vaultgemma": ModelingCode(norm="gemma", logit_copies=2, masks="both", sdpa=False),
    "cwm": ModelingCode(masks="both"),
    "jais2": ModelingCode(norm="layer", activation="relu2"),
    "persimmon": ModelingCode(norm="layer", rope="partial", holds_unrotated=True, activation="relu2"),
    "biogpt": ModelingCode(
        norm="layer",
        rope="none",
        embeddings=2,
        holds_normed_input=False,
        scores="plain",
        position_mask=True,
        mask_by_sequence=True,
    ),
    "xglm": ModelingCode(
        norm="layer", rope="none", keeps_embedding=True, scores="floored", buffer="embedding", sdpa=False
    ),
    "modernbert-decoder": ModelingCode(
        norm="layer",
        rope="recast",
        rope_tables_by_kind=True,
        masks="both",
        scales_final=True,
        holds_attention_output=True,
        first_layer_unnormed=True,
        embedding_for_masks=True,
    ),
    "granite_swa": ModelingCode(logit_copies=2, scores="scaled", masks="both", rope_tables_by_theta=True, sdpa=False),
    "gpt_neox_japanese": ModelingCode(
        norm="layer",
        rope="joined",
        holds_previous_weights=True,
        holds_attention_input=True,
        scores="zeroed",
        sdpa=False,
    ),
    "diffllama": ModelingCode(scores="differential"),
}
