"""What every view shows: the state of the link and the controls as one scenario, and the two sliders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from memory_model import InputError, Scenario
from memory_model.deployment import Deployment
from memory_model.scenario import ENGINE_OPTIONS, MOST_SEQUENCES, MOST_TOKENS

from . import echoes, redraw
from .echoes import SLIDERS
from .link import full_query, read_link, scenario_of, short_query
from .own_models import deployed, shape
from .parameter import OWN, Value
from .parameters import DEFAULTS, PARAMETERS, SCENARIO
from .refusals import in_words, key_name
from .stops import BATCHES, context_stops
from .wording import plain

Values = Mapping[str, Value]
GIVES_WAY = (
    *ENGINE_OPTIONS,
    "engine_version",
    "kv_cache",
    "weights",
    "attention",
    "logits",
    "parts",
    "phase",
    "batch_size",
    "engine",
)
"""The keys that are set back, one at a time, when a combination cannot run."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the page shows: a scenario that resolves, and how to write about it."""

    scenario: Scenario
    deployment: Deployment
    unit: str
    present: bool


def show(sliders: DeltaGenerator | None) -> Chosen:
    """Draw the sliders into their place, where the view has use for them, and return what is chosen.

    Whatever cannot be used is said in words and replaced. What is chosen is kept before anything is drawn: drawing may
    be cut short by the next change.
    """
    _settle()
    redraw.follow()
    if sliders is not None:
        with sliders:
            _workload_controls()
    _write_link()
    state = st.session_state
    scenario, deployment, problem = runnable(state.link_values)
    sentences = [*state.link_problems, *filter(None, (state.forgotten, problem))]
    if sentences:
        st.warning("\n\n".join(plain(sentence) for sentence in sentences), icon=":material/info:")
    return Chosen(scenario, deployment, str(state.link_values["unit"]), bool(state.link_values["present"]))


def whole_link(chosen: Chosen) -> str:
    """What reopens exactly this state, also when the page's or an engine's defaults change."""
    deployment = chosen.deployment
    resolved = {
        "attention": deployment.attention,
        "logits": deployment.workload.logits,
        "kv_cache": deployment.cache_format.name,
    }
    return full_query(st.session_state.link_values | resolved)


def _forgotten_model() -> str:
    """A sentence where the server no longer knows the model that somebody brought; the page's own stands in."""
    try:
        shape(st.session_state.model)
    except InputError as error:
        st.session_state.model = DEFAULTS["model"]
        return f"{error}. The page's default is used."
    return ""


def runnable(values: Values) -> tuple[Scenario, Deployment, str]:
    """The scenario of the values, or the nearest one that runs with one key set back, and a sentence about that."""
    try:
        scenario = scenario_of(values)
        return scenario, deployed(scenario), ""
    except InputError as error:
        problem = in_words(error)
    for key in GIVES_WAY:
        try:
            scenario = scenario_of({**values, key: DEFAULTS[key]})
            return scenario, deployed(scenario), f"{problem}. Shown with the default for {key_name(key)} instead."
        except InputError:
            continue
    kept = {key: values[key] for key in ("model", "device", "context_length", "batch_size")}
    scenario = scenario_of({**DEFAULTS, **kept})
    return scenario, deployed(scenario), f"{problem}. Shown with the default formats and engine instead."


def _settle() -> None:
    """Keep what is chosen in `link_values`: the link's state at first, then the controls', unless Back or Forward shows
    another link. A browser that has not seen the last answer still names the link before it, and has gone nowhere.
    """
    echoes.listen()
    query, state = st.query_params.to_dict(), st.session_state
    first = "link_values" not in state
    if first:
        _take(query)
        state.came_by_link = bool(query)
    _refuse_stale_labels()
    state.forgotten = _forgotten_model()
    for exact, slider in SLIDERS.items():
        _agree(exact, slider)
    now = {key: state[key] for key in DEFAULTS}
    if first:
        state.link_values = now
    elif now != state.link_values:
        state.link_problems, state.link_values = [], now
    elif echoes.was_seen() and query and query != state.link_seen:
        _take(query)


def _take(query: Mapping[str, str]) -> None:
    """Set every control to what a link says."""
    values, problems = read_link(query)
    echoes.place({**values, **{slider: values[exact] for exact, slider in SLIDERS.items()}})
    st.session_state.update(link_problems=problems, link_values=values, link_seen=dict(query))


def _refuse_stale_labels() -> None:
    """Put back what was chosen before, where a browser still sent a label that its select box no longer has, or none.

    That happens to who changes two things at once: `As published (bf16)` of the last model arrives with the next one.
    """
    state = st.session_state
    for parameter in PARAMETERS:
        if state[parameter.key] is None and parameter.default is not None:
            state[parameter.key] = state.link_values[parameter.key]
    for parameter in SCENARIO:
        value = state[parameter.key]
        if isinstance(value, str) and value not in (OWN, parameter.default):
            try:
                parameter.read(value)
            except InputError:
                state[parameter.key] = state.link_values[parameter.key]


def _write_link() -> None:
    """Tell the browser its link, also where it asked with that very one: it may have been told another meanwhile."""
    query, told = short_query(st.session_state.link_values), st.session_state.link_seen
    st.session_state.link_seen = query
    if query != told or st.query_params.to_dict() != query:
        st.query_params.from_dict(query)


def _agree(exact: str, slider: str) -> None:
    """One number for a slider and the exact number beside it, whichever of them was changed."""
    state = st.session_state
    before = state.link_values[exact]
    moved = slider in state and state[slider] != before
    number = state[slider] if moved else state[exact]
    echoes.place({exact: number, slider: number})


def _workload_controls() -> None:
    """The two sliders, each a second view of an exact number beside it."""
    supported = shape(st.session_state.model).max_position_embeddings
    with st.container(key="workload"):
        slider, exact, batch_slider, batch_exact = st.columns(
            [6, 1.6, 3, 1.5], vertical_alignment="bottom", gap="medium"
        )
        with exact:
            _exact("Tokens", "context_length", MOST_TOKENS, "The context length, exactly.")
        with slider:
            words = f"Context length in tokens (the model supports {supported:,})"
            about = "How much text one sequence holds: the prompt and what is written so far. 1,000 tokens are about 750 English words."
            _stops(words, "context_stop", context_stops(supported), about)
        with batch_exact:
            _exact("Batch", "batch_size", MOST_SEQUENCES, "The batch size, exactly.")
        with batch_slider:
            about = "How many texts are worked on at the same time: users, or requests. Weights are shared, the cache is not."
            _stops("Batch size, sequences at once", "batch_stop", BATCHES, about)


def _exact(label: str, key: str, most: int, words: str) -> None:
    st.number_input(label, 1, most, key=key, persist_state="session", step=1, help=words)


def _stops(label: str, key: str, stops: tuple[int, ...], words: str) -> None:
    """A slider over the stops, and over the numbers between them that the browser may show, or it could not name them."""
    options = sorted({*stops, *echoes.shown(key)})
    st.select_slider(label, options, key=key, persist_state="session", format_func=lambda stop: f"{stop:,}", help=words)
