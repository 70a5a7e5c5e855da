"""Rows of `modeling.CODE` for dense decoders beside the families that most others descend from (transformers 5.23.0)."""

from __future__ import annotations

from .modeling_code import ModelingCode

DENSE: dict[str, ModelingCode] = {
    "gemma": ModelingCode(norm="gemma"),
    "glm": ModelingCode(rope="partial", rope_tables_repeated=True),
    "olmo": ModelingCode(rope="float32", rope_table_bytes=4),
    "hyperclovax": ModelingCode(order="sandwich", logit_copies=2),
}
