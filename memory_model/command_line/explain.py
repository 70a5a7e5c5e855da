"""Every number in words: its terms, their factors, who decides each, and the source."""

from __future__ import annotations

from collections.abc import Iterator

from ..deployment import Deployment
from ..errors import unknown
from ..estimate import breakdown, in_phase
from ..evidence import measured, said
from ..units import gib


def lines(deployment: Deployment, only: str | None = None) -> Iterator[str]:
    """The explanation of a deployment, line by line. Raises InputError for a component that does not exist."""
    memory = breakdown(deployment)
    deployment_of_phase = in_phase(deployment, memory.phase)
    names = [component.name for component in memory]
    if only is not None and only not in names:
        raise unknown("component", only, names)
    for component in memory:
        if only not in (None, component.name):
            continue
        note = f": {component.note}" if component.note else ""
        yield f"{component.name}: {component.bytes:,} bytes ({gib(int(component.bytes))}), in {memory.phase}; {component.evidence.value}{note}"
        row = measured(deployment_of_phase, component)
        if row is not None:
            yield f"  {said(row, deployment.engine.facts.label)}"
        if component.between is not None:
            low, high = component.between
            yield f"  between {low:,} bytes ({gib(low)}) and {high:,} bytes ({gib(high)})"
        if len(component.moments) > 1:
            yield f"  busiest moment: {component.busiest.name}"
            for moment in component.moments:
                yield f"    {moment.name}: {moment.bytes:,} bytes"
        for term in component.terms:
            yield f"  {term.label}: {term.bytes:,} bytes"
            for factor in term.factors:
                value = f"{factor.value:,}" if isinstance(factor.value, int) else str(factor.value)
                note = f" ({factor.note})" if factor.note else ""
                yield f"    × {value} {factor.name}{note} — {factor.lever.value}"
            if term.source:
                yield f"    source: {term.source}"
