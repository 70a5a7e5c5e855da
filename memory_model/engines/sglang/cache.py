"""What a workload needs of SGLang's pools: one slot a token in every layer, one state a sequence."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Component, Evidence, Factor, Lever, Moment, Term
from ...deployment import Deployment
from ..vllm.pages import Pages
from ..vllm.parallel import stages

POOL = "mem_cache/memory_pool.py: a slot for every token in every layer, pages of one token"
STATE = "mem_cache/memory_pool.py MambaPool"
LOGGED = "bytes per token of 20 logged pools agree within the rounding of print"


def needed(deployment: Deployment) -> Component:
    """Slots and states on one GPU of the fullest stage, in bytes; window layers hold the whole context as well."""
    all_stages = stages(deployment.model, deployment.options.pipeline_parallel)
    moments = []
    for number, stage in enumerate(all_stages):
        name = f"stage {number + 1}" if len(all_stages) > 1 else "end of the phase"
        moments.append(Moment(name, tuple(_terms(Pages(deployment, stage)))))
    doubt = _doubt(deployment)
    return Component("kv_cache", tuple(moments), Evidence.ASSUMED if doubt else Evidence.EXACT, doubt or LOGGED)


def _doubt(deployment: Deployment) -> str:
    """What no log bears out."""
    entries = [entry for group in deployment.model.layers if group.mixer for entry in group.mixer.cache()]
    if any(entry.every > 1 for entry in entries):
        return "compressed attention by its rows alone: SGLang's pool of it is not known"
    if any(not entry.grows for entry in entries):
        return "recurrent states one a sequence, as the model states their type; no log of them"
    if any(entry.window for entry in entries):
        return (
            "window layers hold the whole context, as for Gemma 2, 3 and gpt-oss; some models have a pool for windows"
        )
    return ""


def _terms(pages: Pages) -> Iterator[Term]:
    workload = pages.deployment.workload
    for found in pages.groups():
        count = Factor("layers", found.layers, Lever.MODEL)
        if not found.entries:
            state = Factor("bytes", found.page, Lever.MODEL, "convolution and recurrent state of one layer")
            yield Term("recurrent state", (workload.sequences, count, state), STATE, "state")
        for entry in found.entries:
            rows = workload.tokens
            if entry.every > 1:
                rows = Factor("rows held", -(-rows.value // entry.every), Lever.MODEL, f"one for {entry.every} tokens")
            heads = Factor("KV heads on this GPU", pages.heads(entry), Lever.MODEL)
            row = pages.deployment.format_of(entry).row_factors(heads, Factor("head size", entry.width, Lever.MODEL))
            kind = "full attention" if entry.window is None else f"window of {entry.window:,}"
            yield Term(f"{entry.label}, {kind}", (workload.sequences, rows, count, *row), POOL, kind)
