"""The language models that a wrapper's `text_config` may name, where the wrapper takes any."""

from __future__ import annotations

from collections.abc import Sequence

from ...model_shape import ModelShape
from .. import (
    cohere,
    gemma,
    gpt_oss,
    latent,
    lfm2,
    lfm3,
    llama,
    llama_variants,
    older_gpt,
    parallel,
    post_norms,
    qwen3_next,
    unusual_norms,
)
from ..config import Config
from ..family import Family
from .parts import Counted, beside, required, text_section

MODULES = (
    llama, llama_variants, post_norms, cohere, gemma, gpt_oss, latent, lfm2, lfm3, older_gpt, parallel,
    qwen3_next, unusual_norms,
)  # fmt: skip
TEXTS: dict[str, Family] = {family.model_type: family for module in MODULES for family in module.FAMILIES}
ANY = (
    "llama", "mistral", "mixtral", "qwen2", "qwen3", "qwen3_moe", "phi3", "olmo2", "gemma", "gemma2", "gemma3_text", "cohere",
    "cohere2", "granite", "ministral3", "smollm3", "gpt_oss", "lfm2", "lfm2_moe", "lfm3",
)  # fmt: skip
"""Those whose parameters were counted inside a wrapper: without a bias or a scale of its own at the output matrix."""


def language_model(
    config: Config, otherwise: str, *, known: Sequence[str] = ANY, tied: bool | None = False, either: bool = False
) -> Config:
    """`text_config` of the model_type that it names, or `otherwise`; `tied` and `either` as in `text_section`."""
    kind = required(config, "text_config", {}).text("model_type", otherwise, known)
    text = text_section(config, {**TEXTS[kind].defaults, "model_type": kind}, tied=tied, either=either)
    keys = {key: value for key, value in text.keys.items() if key != "tie_embedding"}  # LFM2's older name for it
    return Config(keys, text.where, text.defaults)


def with_towers(text: Config, *read: Config, **towers: Counted) -> ModelShape:
    """The language model of a completed section, with towers beside it that were read from the other sections."""
    return beside(TEXTS[text.text("model_type")].build, text, *read, **towers)
