"""What can be changed: a waterfall in an order that the visitor arranges, the cheapest remedies, and what-ifs."""

from __future__ import annotations

import streamlit as st

from memory_model.estimate import breakdown
from memory_model.levers import Asked, Step, limit, waterfall

from ..charts.waterfall import Row, change_words, waterfall_chart
from ..controls import Chosen
from ..figure import show as show_figure
from ..figure import text_size, theme
from ..levers import editor, order, remedies
from ..levers.chain import changes_of
from ..own_models import asked
from ..theme import style
from ..wording import amount, beside, count, plain

USES_SLIDERS = True


def show(chosen: Chosen) -> None:
    """The chart with its sentence, the row of changes, what makes it fit, and the editor; a room sees the chart."""
    start, shape = asked(chosen.scenario), chosen.deployment.model
    changes = changes_of(str(st.session_state.levers_changes), start)
    steps = waterfall(start, changes)
    rows = _rows(start, steps, chosen)
    figure = waterfall_chart(
        rows,
        unit=chosen.unit,
        device=chosen.deployment.device.name if chosen.deployment.device else "",
        theme=theme(),
        size=text_size(chosen.present),
    )
    show_figure(
        figure,
        key="levers_chart",
        title="From before to after",
        sentence=_sentence(rows, steps, chosen),
        rows=[
            {"change": row.label}
            | {f"{style(name).label}, bytes": size for name, size in row.components.items()}
            | {"total, bytes": row.total}
            for row in rows
        ],
    )
    if chosen.present:
        return
    order.show(start, changes, steps, chosen.unit, shape)
    remedies.show(start, chosen.unit, shape)
    editor.show(start, shape, chosen.unit)


def _rows(start: Asked, steps: tuple[Step, ...], chosen: Chosen) -> list[Row]:
    memory = breakdown(chosen.deployment)
    now = {part.name: int(part.bytes) for part in memory}
    found = [Row("Now", now, limit(start))]
    for step in steps:
        after = {part.name: int(part.bytes) for part in step.after}
        found.append(Row(step.change.label, after, limit(step.asked), not step.problem))
    return found


def _sentence(rows: list[Row], steps: tuple[Step, ...], chosen: Chosen) -> str:
    unit, model = chosen.unit, plain(chosen.deployment.model.name)
    first, last = rows[0], rows[-1]
    if not steps:
        return f"{model} needs {amount(first.total, unit)} as it is{_verdict(first, unit)}. Nothing is changed yet."
    gpus = steps[-1].asked.scenario.tensor_parallel
    each = " on each GPU" if gpus > 1 else ""
    words = (
        f"{count(len(steps), 'change')} {'takes' if len(steps) == 1 else 'take'} {model} from {amount(first.total, unit)} "
        f"to **{amount(last.total, unit)}**{each}{beside(steps[-1].after, unit)}{_verdict(last, unit)}."
    )
    largest = min(steps, key=lambda step: step.bytes)
    if len(steps) > 1 and largest.bytes < 0:
        words += f" The largest step: {plain(largest.change.label)}, {change_words(largest.bytes, unit)}."
    if any(step.change.kind == "architecture" for step in steps):
        words += " What-if architectures are hypothetical: nobody has trained them."
    return words


def _verdict(row: Row, unit: str) -> str:
    if row.capacity is None:
        return ""
    free = row.capacity - row.total
    return f", which fits with {amount(free, unit)} free" if free >= 0 else f", over by {amount(-free, unit)}"
