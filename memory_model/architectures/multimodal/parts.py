"""What models with towers share: the sections of their files, and the weights of a tower."""

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


def text_section(
    config: Config, defaults: Mapping[str, Any], *, tied: bool | None = None, either: bool = False
) -> Config:
    """`text_config`, as the class with these defaults reads it.

    The whole file says whether embeddings are tied. Where it does not, they are if `tied` says so, or the section where
    that is None. `either`: the section may tie them too.
    """
    text = required(config, "text_config", defaults)
    text.ignore("quantization_config")  # read with the whole file
    return _tied(config, text, tied, either)


def text_or_flat(config: Config, defaults: Mapping[str, Any], *, tied: bool = False) -> Config:
    """`text_config`, or the keys beside `vision_config` in files that have no such section."""
    config.ignore(*defaults, "quantization_config")
    if config.raw("text_config") is not None:
        return text_section(config, defaults, tied=tied, either=True)
    named = {key: config.keys[key] for key in defaults if key in config.keys}
    return _tied(config, Config(named, config.where, defaults), tied, either=True)


def _tied(config: Config, text: Config, tied: bool | None, either: bool) -> Config:
    if config.raw("tie_word_embeddings") is not None:
        tied = config.flag("tie_word_embeddings")
    if tied is None or (either and not tied):
        tied = text.flag("tie_word_embeddings")
    return text.changed(tie_word_embeddings=tied, model_type=text.defaults["model_type"])


def beside(build: Callable[[Config], ModelShape], text: Config, *read: Config, **towers: Counted) -> ModelShape:
    """The language model of a section with towers beside it; every key of the sections that were read is understood."""
    shape, held = build(text), tuple(tower(name, tensors) for name, tensors in towers.items())
    for section in (text, *read):
        section.refuse_unread()
    return replace(shape, towers=(*held, *shape.towers))


def tower(name: str, tensors: Counted, part: str = "") -> Tower:
    """A tower of tensors, under its name; those that name no part, as `weight` leaves them, are of `part` or that name."""
    named = (
        (n, replace(tensor, role=f"{name}.{tensor.role}", part=tensor.part or part or name)) for n, tensor in tensors
    )
    return Tower(name, tuple(named))


def weight(
    roles: str,
    rows: int,
    columns: int = 1,
    *,
    copies: int = 1,
    bias: bool = False,
    pinned: str = "",
    buffer: bool = False,
) -> Counted:
    """`copies` weights of a tower under each name, and their biases: matrices, or vectors where there is one column.

    `roles`: names with spaces between them. `pinned`, `buffer`: as in Tensor.
    """
    for role in roles.split():
        yield copies, Tensor(role, rows, columns, part="", pinned=pinned, buffer=buffer)
        if bias:
            yield copies, Tensor(f"{role}.bias", rows, part="")
