"""The side bar: what is run, on what, in which formats, and the page's own switches.

It is drawn last, so that the chart is on the page first; the values of its controls are known before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import streamlit as st

from memory_model.deployment import Deployment
from memory_model.engines import Engine
from memory_model.presets import CACHE_FORMATS, devices, engines, model_presets, weight_schemes
from memory_model.scenario import OWN_OF_ENGINE

from . import engine_options, story_menu
from .controls import Chosen, whole_link
from .echoes import is_echo, place
from .format_names import cache_name, full_name, weights_name
from .link_buttons import copy_link
from .own_models import is_own
from .parameter import OWN
from .parameters import DEFAULTS
from .take_along import menu as take_along
from .wording import UNITS, amount

PHASES = {
    "peak": "The larger need",
    "prefill": "Prefill",
    "decode": "Decode",
    "first_decode": "First token after the prompt",
}


_whole_names = st.components.v2.component(
    "memory_whole_names",
    html="<i hidden></i>",
    js=(Path(__file__).parent / "whole_names.js").read_text(encoding="utf-8"),
)


def show(chosen: Chosen, view: str) -> None:
    """Draw every control but the two sliders; `view` is the place of the view that is shown. Each lives in the session under its name in the link."""
    deployment = chosen.deployment
    with st.sidebar:
        _model_controls(deployment)
        _engine_controls()
        _page_controls()
        _page_buttons(chosen, view)
        _whole_names(key="whole_names")


def _reset() -> None:
    place(DEFAULTS)


def _other_engine() -> None:
    if not is_echo("engine"):
        place({key: DEFAULTS[key] for key in OWN_OF_ENGINE})


def _model_controls(deployment: Deployment) -> None:
    names = {id_: preset.name for id_, preset in model_presets().items()}
    if is_own(st.session_state.model):
        names[st.session_state.model] = deployment.model.name
    known = devices()
    st.selectbox(
        "Model",
        list(names),
        key="model",
        persist_state="session",
        format_func=names.__getitem__,
        help="More in the Model view.",
    )
    device_names = {"none": "No device"} | {id_: device.name for id_, device in known.items()}
    st.selectbox(
        "Device",
        list(device_names),
        key="device",
        persist_state="session",
        format_func=device_names.__getitem__,
        help=_device_figures(deployment),
    )
    published = weights_name(deployment.engine.published_scheme(deployment.model)).partition(",")[0]
    labels = {"published": f"As published ({published})"} | {name: full_name(name) for name in weight_schemes()}
    words = "How many bits each learned number takes. Fewer bits need less memory and lose some precision."
    _select("Weight format", "weights", list(labels), labels, help=words)
    caches = {name: cache_name(name) for name in (*CACHE_FORMATS, str(st.session_state.kv_cache))} | {
        OWN: "Default, 16-bit"
    }
    words = "How many bits each remembered key and value takes. 8 bits halve the cache."
    _select("KV cache format", "kv_cache", [OWN, *CACHE_FORMATS], caches, keep=True, help=words)


def _device_figures(deployment: Deployment) -> str | None:
    """What is sold, what the driver reports, what a program can really use, and what the engine takes of that."""
    device = deployment.device
    if device is None:
        return None
    reported = f"the driver reports {device.reported_mib / 1024:.1f} GiB; " if device.reported_mib else ""
    can = f"a program can use {amount(device.usable_bytes, 'GiB')} ({device.evidence})"
    limit = deployment.engine.memory_limit(deployment)
    takes = (
        f"; {deployment.engine.facts.label} takes up to {amount(limit, 'GiB')}" if limit < device.usable_bytes else ""
    )
    return f"Sold as {device.marketed_gb:g} GB; {reported}{can}{takes}."


def _engine_controls() -> None:
    labels = {name: engine.facts.label for name, engine in engines().items()}
    words = (
        "The program that runs the model. Each takes memory in its own way, so the same model needs different amounts."
    )
    _select("Engine", "engine", list(labels), labels, on_change=_other_engine, help=words)
    engine = engines()[st.session_state.engine]
    facts = engine.facts
    if len(engine.versions) > 1:
        _versions(engine)
    with st.expander("Attention, phase and more"):
        own = {OWN: f"Default ({facts.attention[0]})"}
        words = (
            "How attention is computed. `eager` keeps a score for every pair of tokens, so it grows with their square."
        )
        _select("Attention", "attention", [OWN, *facts.attention], own, help=words)
        words = "Prefill reads the whole prompt at once; decode writes the answer token by token."
        _select("Phase", "phase", list(PHASES), PHASES, help=words)
        words = "For how many tokens of the prompt the engine scores every word of the vocabulary: `all`, or the `last` one."
        _select("Logits", "logits", [OWN, *facts.logits], {OWN: f"Default ({facts.logits[0]})"}, help=words)
        words = "Whether a model that also sees or hears is loaded whole, or its language model alone."
        _select("Parts", "parts", ["all", "text"], {"all": "All parts", "text": "Language model only"}, help=words)
        engine_options.show(engine.own_options)


def _versions(engine: Engine) -> None:
    """The versions of an engine whose constants differ; the first is the default."""
    short = engine.version_names
    help_text = "An engine changes fast: samplers, CUDA graphs and defaults differ by version."
    _select("Version", "engine_version", [OWN, *sorted(short)], {OWN: f"Default ({short[0]})"}, help=help_text)


def _page_controls() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        words = "1 GiB is 1,073,741,824 bytes, as drivers count; 1 GB is 1,000,000,000, as devices are sold."
        st.segmented_control("Unit", list(UNITS), key="unit", persist_state="session", required=True, help=words)
        st.toggle("Present", key="present", persist_state="session", help="Large and quiet, for a room. Esc leaves it.")


def _page_buttons(chosen: Chosen, view: str) -> None:
    """What is done with the page as a whole, close together, so that a small screen shows all of it."""
    copy, reset = st.columns(2, gap="small")
    with copy:
        copy_link()
    reset.button(
        "Reset",
        key="reset",
        on_click=_reset,
        icon=":material/restart_alt:",
        help="Back to the model and settings of the start.",
        width="stretch",
    )
    words = "A slide, a workbook, the live chart as a page, the scenario as a file; or keep it in this browser."
    if st.button("Save and take along", icon=":material/save:", key="take_along", help=words, width="stretch"):
        take_along.menu(chosen, whole_link(chosen), view)
    words = "Play a story step by step, or record your own."
    if st.button("Stories", icon=":material/auto_stories:", key="stories", help=words, width="stretch"):
        story_menu.menu(view)


def _select(
    label: str,
    key: str,
    options: list[str],
    labels: Mapping[str, str],
    *,
    keep: bool = False,
    on_change: Callable[[], None] | None = None,
    help: str | None = None,
) -> None:
    """A select box; a value that is no option (of another engine, say) becomes the first one, unless it is to be kept."""
    value = st.session_state[key]
    if value not in options and keep:
        options = [*options, value]
    elif value not in options:
        st.session_state[key] = options[0]
    words = {option: labels.get(option, option) for option in options}
    st.selectbox(
        label, options, key=key, persist_state="session", format_func=words.__getitem__, on_change=on_change, help=help
    )
