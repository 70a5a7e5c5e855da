"""The controls that every view shares: widgets in, one scenario out, and the whole state in the link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from memory_model import InputError, Scenario, load_model, resolve
from memory_model.deployment import Deployment
from memory_model.presets import CACHE_FORMATS, devices, engines, model_presets, weight_schemes
from memory_model.scenario import MOST_SEQUENCES, MOST_TOKENS

from .link import DEFAULTS, OWN, full_query, read_link, scenario_of, short_query
from .link_buttons import copy_link
from .stops import BATCHES, context_stops
from .wording import UNITS, plain

Values = Mapping[str, str | int | bool]
PHASES = {"peak": "Whichever needs more", "prefill": "Prefill", "decode": "Decode"}
GIVES_WAY = ("kv_cache", "weights", "attention", "logits", "parts", "phase", "engine")
"""The keys that are set back, one at a time, when a combination cannot run."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the page shows: a scenario that resolves, and how to write about it."""

    scenario: Scenario
    deployment: Deployment
    unit: str
    present: bool


def show() -> Chosen:
    """Draw the controls and return what they say; whatever cannot be used is said in words and replaced."""
    _open_link()
    with st.sidebar:
        _model_controls()
        _engine_controls()
        _page_controls()
    _workload_controls()
    values = {key: st.session_state[key] for key in DEFAULTS}
    _write_link(values)
    scenario, deployment, problem = runnable(values)
    if values["kv_cache"] == OWN:
        values["kv_cache"] = deployment.cache_format.name
    with st.sidebar:
        copy_link(full_query(values | {"attention": deployment.attention, "logits": deployment.workload.logits}))
    sentences = [*st.session_state.link_problems, *([problem] if problem else [])]
    if sentences:
        st.warning("\n\n".join(plain(sentence) for sentence in sentences), icon=":material/info:")
    return Chosen(scenario, deployment, str(values["unit"]), bool(values["present"]))


def runnable(values: Values) -> tuple[Scenario, Deployment, str]:
    """The scenario of the values, or the nearest one that runs with one key set back, and a sentence about that."""
    try:
        scenario = scenario_of(values)
        return scenario, resolve(scenario), ""
    except InputError as error:
        problem = str(error)
    for key in GIVES_WAY:
        try:
            scenario = scenario_of({**values, key: DEFAULTS[key]})
            return scenario, resolve(scenario), f"{problem}. Shown with the default of {key} instead."
        except InputError:
            continue
    kept = {key: values[key] for key in ("model", "device", "context_length", "batch_size")}
    scenario = scenario_of({**DEFAULTS, **kept})
    return scenario, resolve(scenario), f"{problem}. Shown with the default formats and engine instead."


def _open_link() -> None:
    """Take the state from the link on the first run, and again when Back or Forward shows another one."""
    query, state = st.query_params.to_dict(), st.session_state
    now = {key: state.get(key) for key in DEFAULTS}
    first = "link_seen" not in state
    elsewhere = not first and query and query != state.link_seen and now == state.link_values
    if first or elsewhere:
        values, problems = read_link(query)
        state.update(values)
        state.link_problems = problems
    elif now != state.link_values:
        state.link_problems = []


def _write_link(values: Values) -> None:
    query = short_query(values)
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(query)
    st.session_state.link_seen, st.session_state.link_values = query, dict(values)


def _reset() -> None:
    st.session_state.update(DEFAULTS)


def _model_controls() -> None:
    presets, known = model_presets(), devices()
    st.selectbox("Model", list(presets), key="model", format_func=lambda id_: presets[id_].name)
    device_names = {"none": "No device"} | {id_: device.name for id_, device in known.items()}
    st.selectbox("Device", list(device_names), key="device", format_func=device_names.__getitem__)
    schemes = weight_schemes()
    stored = load_model(st.session_state.model)
    published = stored.quantization or stored.dtype
    labels = {"published": f"As published ({published})"}
    labels |= {
        name: f"{name} – {scheme.label}" if scheme.label not in ("", name) else name for name, scheme in schemes.items()
    }
    _select("Weight format", "weights", list(labels), labels)
    own = {OWN: "Engine's default, 16-bit"}
    _select("KV cache format", "kv_cache", [OWN, *CACHE_FORMATS], own, keep=True)


def _engine_controls() -> None:
    labels = {name: engine.facts.label for name, engine in engines().items()}
    _select("Engine", "engine", list(labels), labels)
    facts = engines()[st.session_state.engine].facts
    with st.expander("Attention, phase and more"):
        _select("Attention", "attention", [OWN, *facts.attention], {OWN: f"Engine's default ({facts.attention[0]})"})
        _select("Phase", "phase", list(PHASES), PHASES)
        _select("Logits", "logits", [OWN, *facts.logits], {OWN: f"Engine's default ({facts.logits[0]})"})
        _select("Parts", "parts", ["all", "text"], {"all": "All parts", "text": "Language model only"})


def _page_controls() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control("Unit", list(UNITS), key="unit", required=True)
        st.toggle("Present", key="present", help="Large and quiet, for a room.")
    st.button("Reset", on_click=_reset, icon=":material/restart_alt:")


def _workload_controls() -> None:
    """The two sliders, each a second view of an exact number beside it."""
    supported = load_model(st.session_state.model).max_position_embeddings
    with st.container(key="workload"):
        slider, exact, batch_slider, batch_exact = st.columns(
            [6, 1.6, 3, 1.5], vertical_alignment="bottom", gap="medium"
        )
        with exact:
            _exact("Tokens", "context_length", "context_stop", MOST_TOKENS)
        with slider:
            words = f"Context length, tokens per sequence (the model supports {supported:,})"
            _stops(words, "context_stop", "context_length", context_stops(supported))
        with batch_exact:
            _exact("Batch", "batch_size", "batch_stop", MOST_SEQUENCES)
        with batch_slider:
            _stops("Batch size, sequences at once", "batch_stop", "batch_size", BATCHES)


def _exact(label: str, key: str, slider: str, most: int) -> None:
    st.number_input(label, 1, most, key=key, step=1, on_change=_typed, args=(key, slider))


def _stops(label: str, key: str, exact: str, stops: tuple[int, ...]) -> None:
    number = st.session_state[exact]
    if st.session_state.get(key) != number:
        st.session_state[key] = number
    st.select_slider(
        label,
        sorted({*stops, number}),
        key=key,
        format_func=lambda stop: f"{stop:,}",
        on_change=_moved,
        args=(key, exact),
    )


def _moved(slider: str, exact: str) -> None:
    st.session_state[exact] = st.session_state[slider]


def _typed(exact: str, slider: str) -> None:
    """Move the slider to a typed number, unless it moved as well: then the number is an echo of an earlier place."""
    if st.session_state[slider] == st.session_state.link_values[exact]:
        st.session_state[slider] = st.session_state[exact]


def _select(label: str, key: str, options: list[str], labels: Mapping[str, str], keep: bool = False) -> None:
    """A select box; a value that is no option (of another engine, say) becomes the first one, unless it is to be kept."""
    value = st.session_state[key]
    if value not in options and keep:
        options = [*options, value]
    elif value not in options:
        st.session_state[key] = options[0]
    st.selectbox(label, options, key=key, format_func=lambda option: labels.get(option, option))
