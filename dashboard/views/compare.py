"""Up to four scenarios side by side on the same sliders, each against its own device, and what differs in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from memory_model import InputError, Scenario
from memory_model.estimate import breakdown
from memory_model.resolve import resolved_keys

from .. import echoes, kept, live
from ..comparison import choices, difference
from ..controls import Chosen
from ..format_names import weights_name
from ..link import scenario_of
from ..live.drawing import Column, of_columns
from ..own_models import deployed
from ..parameter import OWN, Value
from ..parameters import SCENARIO
from ..refusals import in_words
from ..wording import plain

DRAWS_LIVE = True
PLACES = tuple(f"compare_{number}" for number in range(1, kept.MOST + 1))
Kept = tuple[str, str, dict[str, Value]]
"""Its place in the link, its name, and the values of its keys."""


def show(chosen: Chosen) -> None:
    """The kept scenarios, and what the page shows now where it is none of them and there is room; a room sees the bars."""
    scenarios = _kept(chosen.scenario)
    now = _now(chosen.scenario)
    new = not any(_same(values, chosen) for _, _, values in scenarios)
    if not chosen.present:
        _add(now, scenarios, new, chosen.deployment.model.name)
        if not scenarios:
            st.caption("Keep what is shown now, then change the model, a format or the device: each gets its own bar.")
    shown = (
        [(f"{_named(now, chosen.deployment.model.name)} (shown now)", now)]
        if new and len(scenarios) < kept.MOST
        else []
    )
    shown += [(name, values) for _, name, values in scenarios]
    columns = tuple(Column(name, _scenario(values, chosen.scenario)) for name, values in shown)
    live.draw(of_columns(columns, "columns", chosen.scenario, chosen.unit))
    if chosen.present:
        return
    _differences(shown, columns, chosen.unit)
    for place, name, values in scenarios:
        _row(place, name, values)


def _now(scenario: Scenario) -> dict[str, Value]:
    """The values of what is shown: those of the controls, but for what could not run together and was set back."""
    found = {parameter.key: (getattr(scenario, parameter.key), parameter.default) for parameter in SCENARIO}
    return {key: OWN if value is None and default == OWN else value for key, (value, default) in found.items()}


def _kept(at: Scenario) -> list[Kept]:
    """What the link keeps and this server can run; the rest is said in words."""
    found = []
    for place in PLACES:
        text = st.session_state[place]
        if not text:
            continue
        name, values = kept.read(text, SCENARIO)
        try:
            deployed(_scenario(values, at))
        except InputError as error:
            st.warning(plain(f"{name} cannot be shown: {in_words(error)}"), icon=":material/report:")
            continue
        found.append((place, name, values))
    return found


def _scenario(values: Mapping[str, Value], at: Scenario) -> Scenario:
    """The kept values at the page's sliders."""
    sliders = {"context_length": at.context_length, "batch_size": at.batch_size}
    return scenario_of({**values, **sliders})


def _same(values: Mapping[str, Value], chosen: Chosen) -> bool:
    """Whether kept values are what the page shows: a default and its name written out are the same."""
    kept_scenario = _scenario(values, chosen.scenario)
    return resolved_keys(kept_scenario, deployed(kept_scenario)) == resolved_keys(chosen.scenario, chosen.deployment)


def _add(now: dict[str, Value], scenarios: Sequence[Kept], new: bool, model: str) -> None:
    free = next((place for place in PLACES if not st.session_state[place]), None)
    why = "Four are kept; remove one first." if free is None else "It is kept already." if not new else ""
    st.button(
        "Add what is shown now",
        icon=":material/add:",
        key="compare_add",
        disabled=bool(why),
        help=why or "Keeps model, device, formats and engine under a name; the sliders stay common to all.",
        on_click=_keep,
        args=(free, now, f"{chr(ord('A') + len(scenarios))}: {_named(now, model)}"),
    )


def _keep(place: str, now: dict[str, Value], name: str) -> None:
    try:
        st.session_state[place] = kept.written(name, now, SCENARIO)
    except InputError as error:
        st.toast(plain(f"It cannot be kept: {error}"), icon=":material/report:")


def _named(values: Mapping[str, Value], model: str) -> str:
    return model if values["weights"] == "published" else f"{model} {weights_name(str(values['weights']))}"


def _differences(shown: Sequence[tuple[str, Mapping[str, Value]]], columns: Sequence[Column], unit: str) -> None:
    """Every scenario beside the first one, at the place where the sliders rest."""
    if len(shown) < 2:
        return
    (first, values), memory = shown[0], breakdown(columns[0].deployed())
    lines = []
    for (name, others), column in zip(shown[1:], columns[1:]):
        changed = "; ".join(choices(values, others)) or "the same choices"
        sizes = difference(memory, breakdown(column.deployed()), unit)
        lines.append(f"- **{plain(name)}** beside {plain(first)}: {plain(changed)}. {plain(sizes)}.")
    st.markdown("\n".join(["## What differs", *lines]))


def _row(place: str, name: str, values: dict[str, Value]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"row_{place}"):
        key = f"name_{place}"
        st.session_state[key] = name
        st.text_input(
            "Name",
            key=key,
            max_chars=kept.LONGEST_NAME,
            on_change=_rename,
            args=(place, values),
            help="What stands under its bar.",
        )
        st.button("Show", key=f"show_{place}", help="Put it back on the page.", on_click=_restore, args=(values,))
        st.button("Remove", key=f"remove_{place}", icon=":material/delete:", on_click=_remove, args=(place,))


def _rename(place: str, values: dict[str, Value]) -> None:
    try:
        st.session_state[place] = kept.written(st.session_state[f"name_{place}"], values, SCENARIO)
    except InputError as error:
        st.toast(plain(f"It keeps its name: {error}"), icon=":material/report:")


def _restore(values: dict[str, Value]) -> None:
    echoes.place(values)


def _remove(place: str) -> None:
    """Take one out; those after it move up."""
    rest = [st.session_state[other] for other in PLACES if other != place and st.session_state[other]]
    st.session_state.update(dict(zip(PLACES, [*rest, *[""] * len(PLACES)])))
