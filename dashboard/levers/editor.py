"""The what-if editor: the whole numbers of the model's own config, changed and read anew."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from memory_model import InputError
from memory_model.levers import Asked, integer_keys, limit, memory, with_keys
from memory_model.levers.what_if import MOST_VALUE
from memory_model.model_shape import ModelShape

from .. import echoes
from ..charts.waterfall import change_words
from ..refusals import in_words
from ..theme import style
from ..wording import amount, plain
from .applying import keep_model
from .chain import MOST_EDITS, edit_of, edit_text

KEY = "levers_edit"
PREFERRED = (
    "num_key_value_heads",
    "num_hidden_layers",
    "intermediate_size",
    "head_dim",
    "sliding_window",
    "num_experts",
)
WHAT_IF = " (what if)"
WIDGET = "levers_edit_value_"


def show(start: Asked, shape: ModelShape, unit: str) -> None:
    """Keys to choose, a number for each, and what the model would need then."""
    st.markdown("## What if the model were built otherwise?")
    known = integer_keys(shape)
    if not known:
        st.caption("This model's config holds no whole numbers to change.")
        return
    asked = edit_of(str(st.session_state[KEY]))
    values = {key: value for key, value in asked.items() if key in known}
    if missing := [key for key in asked if key not in known]:
        st.info(f"{plain(', '.join(missing))}: no key of this model; left out.", icon=":material/info:")
    _controls(known, values)
    changed = {key: value for key, value in values.items() if value != known[key]}
    if not changed:
        st.caption("Change a number: the model is read anew, as if its config.json said so.")
        return
    try:
        model = with_keys(shape, changed)
        before, after = memory(start), memory(replace(start, model=model))
        usable = limit(replace(start, model=model))
    except InputError as error:
        st.error(plain(in_words(error)), icon=":material/report:")
        return
    model = replace(model, name=f"{shape.name.removesuffix(WHAT_IF)}{WHAT_IF}")
    held = start.scenario.parts
    _metrics(shape.parameters(held), model.parameters(held), int(before.bytes), int(after.bytes), unit)
    parts = "; ".join(
        f"{style(part.name).label} {change_words(int(after[part.name].bytes) - int(part.bytes), unit)}"
        for part in before
        if after[part.name].bytes != part.bytes
    )
    verdict = "" if usable is None else _verdict(usable - int(after.bytes), unit)
    st.markdown(
        f"{parts or 'No component changes'}.{verdict} **Hypothetical**: someone would have to train this model."
    )
    st.button("Use this model", key="levers_use_model", on_click=_use, args=(model,), icon=":material/check:",
              help="Every page then shows it, as a model of your own.")  # fmt: skip


def _metrics(parameters: int, changed: int, before: int, after: int, unit: str) -> None:
    more = f"{changed - parameters:+,}".replace("-", "−")
    for column, label, value, change in zip(
        st.columns(3),
        ("Parameters", "Memory before", "Memory after"),
        (f"{changed:,}", amount(before, unit), amount(after, unit)),
        (more, None, change_words(after - before, unit)),
        strict=True,
    ):
        column.metric(
            label,
            value,
            change,
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
        )


def _verdict(headroom: int, unit: str) -> str:
    return f" It fits, {amount(headroom, unit)} free." if headroom >= 0 else f" Over by {amount(-headroom, unit)}."


def _controls(known: dict[str, int], values: dict[str, int]) -> None:
    first = [key for key in known if key.rpartition(".")[2] in PREFERRED]
    keys = sorted(known, key=lambda key: (key not in first, list(known).index(key)))
    st.session_state["levers_edit_keys"] = list(values)
    st.multiselect(
        "Keys of its config.json",
        keys,
        key="levers_edit_keys",
        max_selections=MOST_EDITS,
        on_change=_chosen,
        args=(known,),
        format_func=lambda key: f"{key} ({known[key]:,})",
        placeholder="Choose keys to change",
        help="The model's own keys with their values; lists with an entry a layer follow the number of layers.",
    )
    columns = st.columns(3)
    for place, (key, value) in enumerate(values.items()):
        widget = WIDGET + key
        st.session_state[widget] = min(value, MOST_VALUE)
        columns[place % 3].number_input(
            key, 0, MOST_VALUE, key=widget, step=1, on_change=_typed, args=(tuple(values),),
            help=f"{known[key]:,} in the model's own config.",
        )  # fmt: skip


def _chosen(known: dict[str, int]) -> None:
    now = edit_of(str(st.session_state[KEY]))
    st.session_state[KEY] = edit_text({key: now.get(key, known[key]) for key in st.session_state.levers_edit_keys})


def _typed(keys: tuple[str, ...]) -> None:
    st.session_state[KEY] = edit_text({key: st.session_state[WIDGET + key] or 0 for key in keys})


def _use(model: ModelShape) -> None:
    echoes.place({"model": keep_model(model), KEY: ""})
