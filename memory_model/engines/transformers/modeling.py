"""Which modeling code a model runs: the rows of `presets/modeling_code.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from ...files.places import PRESETS
from ...files.preset_files import build, read_mapping
from ...model_shape import ModelShape
from .modeling_code import ModelingCode

FILE = PRESETS / "modeling_code.yaml"


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What a model of images or sound changes about the habits of the language model inside."""

    head: Literal["inner", "plain", "scaled"] = "inner"
    """`inner`: logits are those of the language model; `plain`: an output matrix of its own stands behind any language
    model, whose logits are neither scaled nor capped; `scaled`: it scales the logits itself, and keeps the embedding that
    the language model scales."""
    all_logits: bool = False
    """It has no `logits_to_keep`."""
    tables_of_one: bool = False
    """It does not pass on which positions `generate()` gives each sequence: all share one's tables."""
    holds_embedding: bool = False
    """The token embedding that it makes is alive beside the logits, which the language model inside makes."""
    sdpa: bool = True
    """False where its towers have no sdpa."""
    assumed: str = ""
    """What it holds that is not counted, and by how much totals are missed."""


@cache
def modeling_codes() -> dict[str, ModelingCode]:
    """The modeling code of every language model that has a row. Raises InputError for a row that is not right."""
    rows = read_mapping(FILE)["language_models"]
    return {name: build(ModelingCode, row, f"{FILE.name} › {name}") for name, row in rows.items()}


@cache
def wrappers() -> dict[str, Wrapper]:
    """What wrappers around a language model change. Raises InputError for a row that is not right."""
    rows = read_mapping(FILE)["wrappers"]
    return {name: build(Wrapper, row, f"{FILE.name} › {name}") for name, row in rows.items()}


def code_of(model: ModelShape) -> ModelingCode:
    """The habits of a model's code, its norms as its config decides them; those of llama where it has no row."""
    code = _code_in(model.model_type, model.modeling)
    if code.rms_if_stated and model.config.get("rms_norm_eps") is not None:
        return replace(code, norm="rms")
    return code


@cache
def _code_in(model_type: str, modeling: str) -> ModelingCode:
    """The habits of a language model, inside the wrapper `model_type` where there is one."""
    code = modeling_codes().get(modeling)
    if code is None:
        return ModelingCode(assumed=f"{modeling} is treated like llama")
    wrapper = wrappers().get(model_type, Wrapper())
    code = replace(
        code,
        assumed=wrapper.assumed or code.assumed,
        all_logits=code.all_logits or wrapper.all_logits,
        sdpa=code.sdpa and wrapper.sdpa,
        rope_tables_of_one=wrapper.tables_of_one,
        embedding_beside_logits=wrapper.holds_embedding,
    )
    if wrapper.head == "scaled":
        return replace(code, embedding_copied=True)
    if wrapper.head == "plain":
        return replace(code, logit_copies=1, float32_logits=False, embedding_copied=code.scales_given_embedding)
    return code
