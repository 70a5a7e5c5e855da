"""A beginning that all sequences have in common, kept once by engines with a prefix cache, as a change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..errors import InputError
from ..prefix_sharing import beginning, sharing
from ..scenario import MOST_TOKENS
from .change import Asked, Change, Price, deployed, refuse

SLOT, BEFORE = "shared_prefix", "shared-prefix-"
OFFERED = (512, 2048, 8192, 32_768)
"""Tokens of a beginning that are offered: a system prompt, one with tools, one with examples, a document."""


def shared_prefixes(asked: Asked) -> tuple[Change, ...]:
    """The beginnings that are offered: shorter than a sequence. Whether the engine shares them, each says when it is made."""
    return tuple(_change(tokens) for tokens in OFFERED if tokens < asked.scenario.context_length)


def shared_prefix_of_id(id_: str) -> Change:
    """The change that a link names, such as `shared-prefix-2048`. Raises InputError."""
    number = id_.removeprefix(BEFORE)
    if not (number.isascii() and number.isdecimal() and len(number) <= 12 and 0 < int(number) <= MOST_TOKENS):
        raise InputError(f"change: {id_[:60]!r} names no number of tokens")
    return _change(int(number))


def shared_prefix_id(asked: Asked) -> str:
    """The id of the change that was made to what is asked; empty where nothing is shared."""
    return f"{BEFORE}{asked.shared_prefix}" if asked.shared_prefix else ""


def _change(tokens: int) -> Change:
    words = f"All sequences begin with the same {tokens:,} tokens, such as a system prompt; the engine keeps them once."
    label = f"First {tokens:,} tokens shared"
    return Change(f"{BEFORE}{tokens}", label, words, "cache", Price.NOTHING, SLOT, _sharing(tokens))


def _sharing(tokens: int) -> Callable[[Asked], Asked]:
    def apply(asked: Asked) -> Asked:
        if asked.shared_prefix == tokens:
            raise refuse(SLOT, f"{tokens:,} tokens are shared already")
        if asked.scenario.batch_size < 2:
            raise refuse(SLOT, "one sequence has nobody to share with")
        deployment = deployed(asked)
        shared = sharing(deployment, beginning(deployment, tokens))
        if not shared.tokens:
            raise refuse(SLOT, shared.note)
        return replace(asked, shared_prefix=tokens)

    return apply
