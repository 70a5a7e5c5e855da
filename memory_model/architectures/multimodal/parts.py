"""What models with towers share: the sections of their files, and the matrices of a tower."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...model_shape import ModelShape, Tower
from ...tensors import Tensor
from ..config import Config

Counted = Iterator[tuple[int, Tensor]]
"""Pairs of (how many times, tensor), as a Tower holds them."""


def required(config: Config, key: str, defaults: Mapping[str, Any]) -> Config:
    """A section that the file must have."""
    section = config.section(key, defaults)
    if section is None:
        raise config.error(key, "missing", "add the section from the model's own config.json")
    return section


def beside(build: Callable[[Config], ModelShape], text: Config, *read: Config, **towers: Counted) -> ModelShape:
    """The language model of a section with towers beside it; every key of the sections that were read is understood."""
    shape, held = build(text), tuple(Tower(name, tuple(tensors)) for name, tensors in towers.items())
    for section in (text, *read):
        section.refuse_unread()
    return replace(shape, towers=held)


def text_section(config: Config, defaults: Mapping[str, Any]) -> Config:
    """`text_config`, with `tie_word_embeddings` of the whole file where it stands there: that one decides."""
    text = required(config, "text_config", defaults)
    text.ignore("quantization_config")  # read with the whole file
    config.ignore("tie_word_embeddings")
    if config.keys.get("tie_word_embeddings") is None:
        return text
    tied = config.flag("tie_word_embeddings")
    return text.changed(tie_word_embeddings=tied)


def own_text(config: Config, defaults: Mapping[str, Any], *, tied: bool = False) -> Config:
    """`text_config` of a class with a language model of its own; the whole file says whether its embeddings are tied."""
    text = required(config, "text_config", defaults)
    text.ignore("quantization_config")  # read with the whole file
    tied = config.flag("tie_word_embeddings", tied)
    return text.changed(tie_word_embeddings=tied, model_type=defaults["model_type"])


def matrix(tower: str, copies: int, role: str, rows: int, columns: int, *, bias: bool = False) -> Counted:
    """`copies` matrices of a tower, and their biases."""
    yield copies, Tensor(f"{tower}.{role}", rows, columns, part=tower)
    if bias:
        yield copies, Tensor(f"{tower}.{role}.bias", rows, part=tower)


def scale(tower: str, copies: int, role: str, width: int, *, bias: bool = False) -> Counted:
    """`copies` norms of a tower: an RMSNorm, or with `bias` a LayerNorm."""
    yield from matrix(tower, copies, role, width, 1, bias=bias)


def text_or_flat(config: Config, defaults: Mapping[str, Any], *, tied: bool = False) -> Config:
    """`text_config`, or the keys beside `vision_config` in files that have no such section.

    Embeddings are tied where the file or the section says so; `tied` where the file does not.
    """
    keys = config.raw("text_config")
    config.ignore(*defaults, "quantization_config")
    where = config.where if keys is None else f"{config.where} › text_config"
    text = Config(config.keys if keys is None else keys, where, defaults)
    if keys is None:
        text = Config({key: text.keys[key] for key in defaults if key in text.keys}, where, defaults)
    tied = config.flag("tie_word_embeddings", tied) or text.flag("tie_word_embeddings")
    text.ignore("quantization_config")
    return text.changed(tie_word_embeddings=tied, model_type=defaults["model_type"])
