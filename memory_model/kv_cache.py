"""The third bar: what is kept of the past, so that it is not computed again for every token."""

from __future__ import annotations

from .amount import Component, Evidence, Factor, Lever, Moment, Term
from .deployment import Deployment
from .tensors import CacheEntry


def kv_cache(deployment: Deployment) -> Component:
    """Keys and values, latent rows, and recurrent states, in bytes, as the engine allocates them."""
    terms = []
    for group in deployment.model.layers:
        if group.mixer is None:
            continue
        for entry in group.mixer.cache():
            number_format = deployment.format_of(entry)
            held = deployment.engine.tokens_held(entry, deployment) if entry.grows else None
            rows, columns = _names(entry)
            terms.append(
                Term(
                    f"{entry.label}, {_kind(entry)}",
                    (
                        deployment.workload.sequences,
                        *((held,) if held is not None else ()),
                        Factor("layers", len(group.layers), Lever.MODEL),
                        *number_format.row_factors(
                            Factor(rows, deployment.engine.heads_held(entry), Lever.MODEL),
                            Factor(columns, deployment.engine.width_held(entry, deployment), Lever.MODEL),
                        ),
                    ),
                    entry.source,
                    _kind(entry),
                )
            )
    return Component("kv_cache", (Moment("end of the phase", tuple(terms)),), Evidence.EXACT)


def _names(entry: CacheEntry) -> tuple[str, str]:
    """What the rows of an entry are, and what is in each."""
    if not entry.grows:
        return "rows of state", "values a row"
    return ("latent rows", "values a row") if entry.role == "latent" else ("KV heads", "head size")


def _kind(entry: CacheEntry) -> str:
    if not entry.grows:
        return "state"
    if entry.role == "latent":
        return "latent"
    return "full attention" if entry.window is None else f"window of {entry.window:,}"
