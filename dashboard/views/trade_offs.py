"""What one gives for the other: context against batch, formats and engines against reach, a cache against time."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ..controls import Chosen
from ..trade_offs.frontiers import frontiers
from ..trade_offs.lines import MOST, VARIES, beside, format_label, lines, options, own_name, usual
from ..wording import plain
from . import cache_on_off, growth, what_fits

USES_SLIDERS = True
SECTIONS = {
    "fits": "What fits",
    "longest": "Longest context",
    "growth": "How it grows",
    "cache": "Cache on or off",
}


def show(chosen: Chosen) -> None:
    """The section that the link names; a room sees its choices in one row over the picture."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        st.segmented_control(
            "Trade-off",
            list(SECTIONS),
            key="trade_offs_section",
            persist_state="session",
            format_func=SECTIONS.__getitem__,
            required=True,
            label_visibility="collapsed",
        )
    choices = row if chosen.present else st.container()
    section = st.session_state.trade_offs_section
    if section == "growth":
        growth.show(chosen, choices)
    elif section == "cache":
        cache_on_off.show(chosen, choices)
    else:
        _compared(chosen, section, choices)


def _compared(chosen: Chosen, section: str, choices: DeltaGenerator) -> None:
    """The frontier of every line in one picture, read along the context or along the batch."""
    scenario = chosen.scenario
    if chosen.deployment.options.placement == "cpu":
        st.info(
            "All layers are on the CPU, so no device sets a limit: choose “All on one GPU” in the side bar to see what fits.",
            icon=":material/memory:",
        )
        return
    with choices:
        what, which = (choices, None) if chosen.present else st.columns([2, 5], vertical_alignment="bottom")
    with what:
        st.segmented_control(
            "Lines for several",
            list(VARIES),
            key="trade_offs_vary",
            persist_state="session",
            format_func=VARIES.__getitem__,
            required=True,
            label_visibility="collapsed" if chosen.present else "visible",
            help="What differs from line to line; all else is as set on this page.",
        )
    varies = str(st.session_state.trade_offs_vary)
    names = _names(chosen, varies)
    if which:
        with which:
            _pick(chosen, varies, names)
    if scenario.device == "none" and varies != "devices":
        st.info("Choose a device in the side bar: without one there is no limit to draw.", icon=":material/memory:")
        return
    found, refused = lines(scenario, varies, names)
    edges = frontiers(found)
    reaching = [edge for edge in edges if not edge.is_empty]
    if reaching and section == "fits":
        what_fits.fits(chosen, reaching, edges)
    elif reaching:
        what_fits.longest(chosen, reaching, edges)
    else:
        what_fits.nothing(chosen, edges)
    for sentence in refused:
        st.caption(plain(sentence))


def _names(chosen: Chosen, varies: str) -> tuple[str, ...]:
    """The values that are compared: those of the link, else the usual ones."""
    text = str(st.session_state[f"trade_offs_{varies}"])
    return tuple(filter(None, text.split(","))) or usual(chosen.scenario, varies)


def _pick(chosen: Chosen, varies: str, names: tuple[str, ...]) -> None:
    """The compared values in a box that changes the link."""
    key, box = f"trade_offs_{varies}", f"trade_offs_picked_{varies}"
    known = options(chosen.scenario, varies)
    if varies == "formats":
        known |= {name: format_label(chosen.scenario, name) for name in names if name not in known}
    own = own_name(chosen.scenario, varies)
    st.session_state[box] = beside(chosen.scenario, varies, names)
    st.multiselect(
        f"{VARIES[varies]} beside the chosen one",
        [name for name in known if name != own],
        key=box,
        format_func=lambda name: known.get(name, name),
        max_selections=MOST - 1,
        help=f"At most {MOST - 1}; each is a line beside the bold one.",
        on_change=_picked,
        args=(key, box, usual(chosen.scenario, varies), own),
    )


def _picked(key: str, box: str, usual_names: tuple[str, ...], own: str) -> None:
    names = st.session_state[box]
    is_usual = set(names) | {own} == set(usual_names) | {own}
    st.session_state[key] = "" if is_usual else ",".join(names)
