"""The row of changes under the chart: what each one is, up, down, away, and one more."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from memory_model import InputError
from memory_model.levers import Asked, Change, Step, changes_for, model_of
from memory_model.model_shape import ModelShape

from ..charts.waterfall import change_words
from ..refusals import in_words
from ..theme import style
from ..wording import PHASES, UNITS, plain
from .applying import apply
from .chain import NOTHING, SUGGESTED, has_room, moved, text_of, without

KINDS = {
    "quantisation": "Weights",
    "cache": "Cache",
    "distillation": "Student",
    "architecture": "What if",
    "engine": "Engine",
    "parallelism": "GPUs",
    "workload": "Ask for less",
}
KEY = "levers_changes"
VISIBLE = 0.005 * UNITS["GiB"]
"""Bytes that are more than nothing in two decimals."""


def show(start: Asked, changes: tuple[Change, ...], steps: tuple[Step, ...], unit: str, shape: ModelShape) -> None:
    """A line for each change with its buttons, a box that adds one, and what to do with the row as a whole."""
    st.markdown("## In this order")
    if not changes:
        st.caption("Nothing is changed yet: add a change below.")
    for place, step in enumerate(steps):
        _line(place, step, changes, unit)
    _add(steps[-1].asked if steps else start, changes)
    with st.container(horizontal=True):
        st.button(
            "Set the page to this",
            icon=":material/check:",
            key="levers_apply",
            type="primary",
            disabled=not steps,
            on_click=_apply_all,
            args=(steps, shape),
            help="Sets the controls in the side bar to what these changes ask for.",
        )
        st.button("Suggest", icon=":material/auto_awesome:", key="levers_suggest", on_click=_set, args=(SUGGESTED,),
                  help="What makes it fit, or what saves most.")  # fmt: skip
        st.button("Remove all", icon=":material/close:", key="levers_none", on_click=_set, args=(NOTHING,))


def _line(place: int, step: Step, changes: tuple[Change, ...], unit: str) -> None:
    moves = (
        ("up", ":material/arrow_upward:", "Make it earlier", moved(changes, place, -1), place == 0),
        ("down", ":material/arrow_downward:", "Make it later", moved(changes, place, 1), place == len(changes) - 1),
        ("away", ":material/close:", "Leave it out", without(changes, place), False),
    )
    line = st.container(horizontal=True, vertical_alignment="center", wrap=False)
    with line, st.container(horizontal=True, gap="small", wrap=False, width="content"):
        for name, icon, says, changed, off in moves:
            label = f"{says}: {plain(step.change.label)}"
            st.button(
                label,
                icon=icon,
                type="tertiary",
                key=f"levers_{name}_{place}",
                disabled=off,
                on_click=_set,
                args=(text_of(changed),),
                help=label,
            )
    to_host = sum(int(part.bytes) for part in step.after.host) - sum(int(part.bytes) for part in step.before.host)
    done = plain(f"cannot be made here ({in_words(step.problem)})") if step.problem else change_words(step.bytes, unit)
    if not step.problem and abs(to_host) > VISIBLE:
        done += f", {change_words(to_host, unit)} in host memory"
    elif not step.problem and step.bytes > VISIBLE:
        most = max(step.difference, key=step.difference.__getitem__)
        done += f", most of it {style(most).label.lower()} in {PHASES[step.after.phase]}"
    what_if = " *Hypothetical: someone would have to train it.*" if step.change.kind == "architecture" else ""
    line.markdown(f"{place + 1}\\. **{plain(step.change.label)}**: {done}. {plain(step.change.words)}{what_if}")


def _add(last: Asked, changes: tuple[Change, ...]) -> None:
    """Every change that does something to the state after the row at the model's full context, wherever the slider is."""
    there = {change.id for change in changes}
    full = replace(last.scenario, context_length=model_of(last).max_position_embeddings)
    try:
        offered = [change for change in changes_for(replace(last, scenario=full)) if change.id not in there]
    except InputError:
        offered = []
    offered.sort(key=lambda change: list(KINDS).index(change.kind))
    labels = {change.id: f"{KINDS[change.kind]}: {change.label}" for change in offered}
    st.session_state["levers_add"] = None
    st.selectbox(
        "Add a change",
        list(labels),
        key="levers_add",
        format_func=labels.__getitem__,
        placeholder="Choose a change" if has_room(changes) else "No room for more",
        disabled=not has_room(changes) or not labels,
        on_change=_added,
        args=(text_of(changes),),
        help="Only what this engine and this model can run and what changes some amount at the model's full context.",
    )


def _added(text: str) -> None:
    if st.session_state.levers_add:
        _set(",".join(filter(None, ("" if text == NOTHING else text, st.session_state.levers_add))))


def _set(text: str) -> None:
    st.session_state[KEY] = text


def _apply_all(steps: tuple[Step, ...], shape: ModelShape) -> None:
    apply(steps[-1].asked, shape)
