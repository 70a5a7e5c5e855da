"""Levers as bars: what the page shows as it is, and the same after one change, or two, of each important kind."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from memory_model import InputError, Scenario
from memory_model.levers import Asked, Change, Price, changes_for, memory

from ..own_models import asked, shape
from .drawing import Column

LENGTH = 131_072
"""Tokens at which a change has to do something: the bars stay the same ones while the sliders move."""
MOST = 8


@lru_cache(maxsize=64)
def lever_columns(scenario: Scenario) -> tuple[Column, ...]:
    """At most eight columns, the first one as it is. Pass a `configuration`; raises InputError."""
    longest = min(shape(scenario.model).max_position_embeddings, LENGTH)
    start = asked(scenario)
    columns = [Column("As it is", scenario)]
    for changes in _picked(replace(start, scenario=replace(scenario, context_length=longest))):
        try:
            changed = start
            for change in changes:
                changed = change.apply(changed)
            column = Column(" + ".join(change.label for change in changes), changed.scenario, changed.model)
            column.deployed()
        except InputError:  # two changes that do not go together
            continue
        columns.append(column)
    return tuple(columns[:MOST])


def _picked(far: Asked) -> list[tuple[Change, ...]]:
    """16 bits, 8 bits, 4 bits, a smaller cache with them or alone, a window, fewer KV heads, a student, steps.

    A window is left out where its mask takes more, while the prompt is read, than it saves.
    """
    known, needs = changes_for(far), memory(far).bytes

    def first(slot: str, price: Price | None = None) -> Change | None:
        return next((c for c in known if c.slot == slot and price in (None, c.price)), None)

    four, cache = first("weights", Price.WEIGHTS_4_BIT), first("kv_cache", Price.CACHE_8_BIT)
    found = [
        (first("weights", Price.NOTHING),),
        (first("weights", Price.WEIGHTS_8_BIT),),
        (four,),
        (four, cache) if four else (cache,),
        (next((c for c in known if c.id.startswith("window-") and memory(c.apply(far)).bytes < needs), None),),
        (first("step_tokens"),),
        (next((c for c in known if c.kind == "distillation"), None),),
        (next((c for c in known if c.id.startswith("kv-heads-")), None),),
    ]
    return [changes for changes in found if all(changes)]  # type: ignore[misc]
