"""What the live chart looks up: tables of exact bytes, computed by the memory model and packed for the browser.

In parts, so that a released slider sends only what changed: `facts` follow the configuration, `contexts` also the
batch size, `batches` and `advice` also the context length. JavaScript knows no formula: a state without a table is not drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from memory_model.deployment import Deployment
from memory_model.estimate import breakdown
from memory_model.scenario import MOST_SEQUENCES, MOST_TOKENS

from ..format_names import scheme_name
from ..stops import BATCHES, SHORTEST, doublings
from ..theme import STACK
from .amounts import AFTERWARDS, HOST, RESERVED, amounts, needed
from .drawing import Column, Drawing
from .farthest import largest_batch, longest_context
from .packing import floats, packed, whole
from .reach import largest_batches, longest_contexts

Part = dict[str, Any]


def parts(drawing: Drawing) -> list[Part]:
    """Facts and tables of a drawing, those that change least first. Raises InputError."""
    moving = replace(drawing, columns=tuple(column.configuration() for column in drawing.columns))
    still = replace(moving, context_length=SHORTEST)
    return [facts(replace(still, batch_size=1)), context_table(still), batch_table(moving)]


@lru_cache(maxsize=128)
def facts(drawing: Drawing) -> Part:
    """Names, limits, and what is stacked, for each column; in the modes with a map also how far each stop reaches."""
    deployments = [column.deployed() for column in drawing.columns]
    first = deployments[0]
    stacks = [
        amounts(each, [SHORTEST, each.model.max_position_embeddings], [1], drawing.by_part) for each in deployments
    ]
    reserving = [each.engine.facts for each, stack in zip(deployments, stacks) if stack[RESERVED].any()]
    part: Part = {
        "part": "facts",
        "config": drawing.identity,
        "mode": drawing.mode,
        "unit": drawing.unit,
        "engine": first.engine.facts.label,
        "supported": first.model.max_position_embeddings,
        "gpus": first.options.devices,
        "columns": [_column(column, each) for column, each in zip(drawing.columns, deployments)],
        "segments": _segments([name for stack in stacks for name in sorted(stack, key=lambda n: -stack[n].max())]),
        "reserved": f"{reserving[0].label}’s log: “{reserving[0].pool_in_log}”" if reserving else None,
        "hosted": [style.name for style in STACK if any(f"{HOST}{style.name}" in stack for stack in stacks)],
        "evidence": {component.name: component.evidence.value for component in breakdown(first)},
        "most_tokens": MOST_TOKENS,
        "most_sequences": MOST_SEQUENCES,
        **_of_first(drawing.columns[0], first),
    }
    return part | _reach(drawing, first) if drawing.mode in ("context", "batch") else part


def _of_first(column: Column, deployment: Deployment) -> Part:
    """What the sentence and the verdict say of the scenario on the page."""
    found = _column(column, deployment)
    return {name: found[name] for name in ("model", "weights", "device", "usable", "host")}


def _column(column: Column, deployment: Deployment) -> Part:
    device = deployment.device
    return {
        "label": column.label,
        "model": deployment.model.name,
        "weights": scheme_name(deployment.scheme),
        "device": device.name if device else None,
        "usable": deployment.engine.memory_limit(deployment) if device else None,
        "gpus": deployment.options.devices,
        "host": deployment.options.placement == "cpu",
    }


def _segments(names: Sequence[str]) -> list[dict[str, str | int]]:
    """The segments of every bar from the bottom up: components in their one order, the largest part first."""
    found: list[dict[str, str | int]] = []
    for style in STACK:
        own = [name for name in dict.fromkeys(names) if name.partition("/")[0] == style.name]
        found += [
            {
                "name": name,
                "component": style.name,
                "label": _label(name.partition("/")[2]) or style.label,
                "shade": shade,
            }
            for shade, name in enumerate(own)
        ]
    return found


def _label(part: str) -> str:
    return "MLP" if part == "mlp" else part[:1].upper() + part[1:]


def _reach(drawing: Drawing, deployment: Deployment) -> Part:
    stops = drawing.stops
    columns, rows = doublings(SHORTEST, stops[-1]), doublings(1, BATCHES[-1])
    totals = needed(amounts(deployment, columns, rows))
    part: Part = {"map": {"contexts": columns, "batches": rows, "totals": floats(totals.ravel())}}
    if deployment.device:
        part["stops"] = whole(stops)
        part["largest_batch"] = whole(largest_batches(deployment, stops))
        part["batches"] = list(BATCHES)
        part["longest_context"] = whole(longest_contexts(deployment, BATCHES))
    return part


@lru_cache(maxsize=64)
def context_table(drawing: Drawing) -> Part:
    """Every bar at every stop of the context slider, at the drawing's batch size."""
    contexts, batches = drawing.while_context_moves()
    return {
        "part": "contexts",
        "config": drawing.identity,
        "batch": drawing.batch_size,
        "contexts": whole(contexts),
        "batches": list(batches),
        "columns": _tables(drawing, contexts, batches),
    }


@lru_cache(maxsize=256)
def batch_table(drawing: Drawing) -> Part:
    """Every bar at every stop of the batch slider, at the drawing's context length; off the stops also the reach."""
    contexts, batches = drawing.while_batch_moves()
    part: Part = {
        "part": "batches",
        "config": drawing.identity,
        "context": drawing.context_length,
        "batch": drawing.batch_size,
        "contexts": list(contexts),
        "batches": list(batches),
        "columns": _tables(drawing, contexts, batches),
    }
    if drawing.mode in ("context", "batch"):
        if not drawing.columns[0].deployed().device:
            return part
        scenario = drawing.columns[0].scenario
        shown = replace(scenario, context_length=drawing.context_length, batch_size=drawing.batch_size)
        if drawing.context_length not in drawing.stops:
            part["largest_batch"] = largest_batch(shown)
        if drawing.batch_size not in BATCHES:
            part["longest_context"] = longest_context(shown)
    return part


def _tables(drawing: Drawing, contexts: Sequence[int], batches: Sequence[int]) -> list[dict[str, float | str]]:
    found = [amounts(column.deployed(), contexts, batches, drawing.by_part) for column in drawing.columns]
    if drawing.mode != "context":  # what stays of the cache is said of bars against context only
        found = [{name: values for name, values in one.items() if name != AFTERWARDS} for one in found]
    return [packed(one) for one in found]


def advice(drawing: Drawing, changes: Sequence[str]) -> Part:
    """The changes that would make the page's scenario fit, for the state that they were tried at."""
    where = {"context": drawing.context_length, "batch": drawing.batch_size}
    return {"part": "advice", "config": drawing.identity, **where, "changes": list(changes)}
