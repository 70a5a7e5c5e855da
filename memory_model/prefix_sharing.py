"""A beginning that all sequences have in common, kept once: which engines can, and what it saves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from .amount import Factor, Lever, MemoryBreakdown, Term
from .deployment import Deployment

WHOLE_PAST = ("full attention", "latent")
"""Parts of a cache that hold every token."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """So many tokens that so many sequences begin with."""

    tokens: int
    sequences: int
    alike: bool = True
    """Whether they are the same tokens."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """How many tokens of the beginning are kept once, and why not more; empty where nothing was asked for."""

    tokens: int
    note: str = ""


def sharing(deployment: Deployment, begun: Beginning) -> Sharing:
    """What the engine does with a beginning that all sequences have in common."""
    if not begun.alike or begun.sequences < 2 or not begun.tokens:
        return Sharing(0)
    engine = deployment.engine.facts
    if not engine.prefix_block:
        return Sharing(0, f"{engine.label} keeps the beginning for every user: it has no prefix cache across sequences")
    if engine.name == "llama.cpp" and not deployment.options.kv_unified:
        return Sharing(0, "llama.cpp shares a beginning only in one cache for all sequences (--kv-unified)")
    entries = [entry for group in deployment.model.layers if group.mixer for entry in group.mixer.cache()]
    if any(not entry.grows for entry in entries):
        return Sharing(0, "not shared: the model has recurrent states, whose sharing is not modelled here")
    tokens = begun.tokens // engine.prefix_block * engine.prefix_block
    notes = []
    if engine.prefix_block > 1:
        notes.append(f"kept once in whole blocks of {engine.prefix_block} tokens")
    if engine.name == "llama.cpp":
        notes.append("kept once where the program copies the sequence, as llama.cpp's own examples/parallel does")
    if any(entry.window for entry in entries):
        notes.append("layers with a window are counted for every user")
    return Sharing(tokens, "; ".join(notes))


def saved(deployment: Deployment, begun: Beginning, shared: Sharing) -> int:
    """Bytes of the cache that are not needed because the beginning is kept once, on one device."""
    if not shared.tokens:
        return 0
    if deployment.engine.facts.name != "llama.cpp":
        return (begun.sequences - 1) * _bytes_of(deployment, shared.tokens)
    cells: Any = deployment.workload.context_length * begun.sequences
    spared = (begun.sequences - 1) * min(shared.tokens, int(deployment.workload.context_length))
    return _bytes_of(deployment, cells) - _bytes_of(deployment, cells - spared)


def _bytes_of(deployment: Deployment, tokens: int) -> int:
    """The cache of one sequence of so many tokens in the layers that hold every token; of the emptiest stage."""
    workload = replace(deployment.workload, context_length=tokens, batch_size=1)
    cache = deployment.engine.kv_cache(replace(deployment, workload=workload))
    return min(sum(int(term.bytes) for term in moment.terms if term.part in WHOLE_PAST) for moment in cache.moments)


def beginning(deployment: Deployment, tokens: int) -> Beginning:
    """The first tokens of every sequence of the workload, at most all of them; defined at a point."""
    workload = deployment.workload
    return Beginning(min(tokens, int(workload.context_length)), int(workload.batch_size))


def kept_once(deployment: Deployment, memory: MemoryBreakdown, tokens: int) -> MemoryBreakdown:
    """A deployment's breakdown where every sequence begins with the same so many tokens, which the engine keeps once.

    Unchanged where the engine cannot. What is spared is one more term of the cache, with a number of sequences below zero.
    """
    begun = beginning(deployment, tokens)
    shared = sharing(deployment, begun)
    spared = saved(deployment, begun, shared)
    if not spared:
        return memory
    each = Fraction(spared, begun.sequences - 1)
    factors = (
        Factor("sequences that do not keep it", 1 - begun.sequences, Lever.WORKLOAD),
        Factor(
            "bytes of it", each.numerator if each.denominator == 1 else each, Lever.ENGINE, f"{shared.tokens:,} tokens"
        ),
    )
    less = Term("beginning that is kept once", factors, part="shared beginning")
    cache = memory["kv_cache"]
    moments = tuple(replace(moment, terms=(*moment.terms, less)) for moment in cache.moments)
    now = replace(cache, moments=moments, note="; ".join(filter(None, (cache.note, shared.note))))
    return replace(memory, components=tuple(now if part is cache else part for part in memory.components))
