"""The page for a room: large, and nothing on it but what is said."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from .echoes import place
from .figure import LARGE, ROOM_TEXT
from .theme import BACKGROUND

FOLDER = Path(__file__).parent
FIGURES = next((path.name for path in Path(st.__file__).parent.glob("static/static/js/PlotlyChart.*.js")), None)
"""Streamlit's script that draws figures, beside its others; None where a version of Streamlit names it otherwise."""
_outside = st.components.v2.component(
    "memory_outside",
    html="<i hidden></i>",
    js="".join((FOLDER / name).read_text(encoding="utf-8") for name in ("ahead.js", "outside.js")),
)
_fit = st.components.v2.component(
    "memory_present_fit", html="<i hidden></i>", js=(FOLDER / "present_fit.js").read_text(encoding="utf-8")
)
PAGE = f"html {{ --page: {BACKGROUND['light']}; }} html[data-palette=dark] {{ --page: {BACKGROUND['dark']}; }}"
ALWAYS = (
    f"<style>{PAGE}</style>"
    """
<style>
[data-testid=stMainBlockContainer] { padding: 4rem 2.2rem 2rem; max-width: 1900px; }
@media (max-width: 640px) { [data-testid=stMainBlockContainer] { padding: 4rem 1rem 2rem; } }
@media (max-width: 767px) { [data-testid=stExpandSidebarButton] { width: auto; } [data-testid=stExpandSidebarButton]::after { content: "Views and settings"; padding: 0 .3rem; } }
[data-testid=stMain] [data-testid=stHorizontalBlock]:has(> [data-testid=stColumn]) { flex-wrap: wrap; }
[data-testid=stMain] [data-testid=stColumn] { min-width: min(13rem, 100%); }
@media (min-width: 641px) { [data-testid=stMain] [data-testid=stColumn]:has([data-testid=stButtonGroup]) { min-width: max-content; } }
.st-key-workload { container: workload / inline-size; }
[data-testid=stMain] .st-key-workload [data-testid=stColumn] { min-width: 0; }
@container workload (max-width: 700px) {
  .st-key-workload [data-testid=stHorizontalBlock] { gap: .6rem; }
  .st-key-workload [data-testid=stColumn] { flex: 1 1 60% !important; }
  .st-key-workload [data-testid=stColumn]:nth-child(even) { flex: 1 1 28% !important; }
}
@media (min-height: 600px) {
  [data-testid=stLayoutWrapper]:has(> .st-key-workload) { position: sticky; top: 3.75rem; z-index: 3; padding-bottom: .3rem; background: var(--page); box-shadow: 0 .4rem .4rem var(--page); }
  [data-testid=stMain] { scroll-padding-top: 11rem; }
}
@media (max-width: 640px) and (min-height: 600px) { [data-testid=stMain] { scroll-padding-top: 17rem; } }
[data-testid=stMarkdown] :is(h2, h3) { font-size: 1.25rem; line-height: 1.2; letter-spacing: normal; padding: .375rem 0 1rem; }
[data-testid=stCaptionContainer] { opacity: .75 !important; }
:is(.st-key-outside, .st-key-paper_colours, .st-key-gguf_head) { position: absolute; }
[data-testid=stSidebarHeader] { height: 2.6rem; min-height: 0; padding: .5rem .6rem 0; margin: 0; }
[data-testid=stSidebarUserContent] { padding: 0 0 .6rem; }
[data-testid=stSidebarUserContent] [data-testid=stVerticalBlock] { gap: .4rem; }
[data-testid=stSidebarUserContent] [data-testid=stHorizontalBlock] { gap: .4rem; flex-wrap: nowrap; }
[data-testid=stSidebarUserContent] [data-testid=stWidgetLabel] { min-height: 1.2rem; margin-bottom: .1rem; }
[data-testid=stSidebarUserContent] [data-testid=stColumn] { min-width: 0; }
[data-testid=stSidebarUserContent] button { padding-left: .5rem; padding-right: .5rem; }
[data-testid=stLayoutWrapper]:has(> [class*=st-key-answer_]) { display: none; }
[data-testid=stElementContainer]:has(i[data-link]) { position: absolute; }
html { --focus: #192C94; }
html[data-palette=dark] { --focus: #8FAEFF; }
:is(a, button, summary, [role=tab], [data-tag], label:has(input), [data-testid=stNumberInputContainer], [data-testid=stTextInputRootElement], [data-testid=stSelectbox] div:has(> input)):is(:focus-visible, :has(input:focus-visible)) { outline: 2px solid var(--focus) !important; outline-offset: 1px; }
[data-testid=stMain] { scrollbar-gutter: stable; }
[data-testid=stMain]:focus-visible { outline: 2px solid var(--focus); outline-offset: -2px; }
html[data-palette=dark] :is([data-testid=stBaseButton-primary], [data-testid=stMultiSelect] [data-tag]) { color: #171614 !important; }
@media (max-width: 640px) {
  [data-testid=stButtonGroup] [role=radiogroup] { flex-wrap: wrap; gap: .3rem; overflow: visible; }
  [data-testid=stButtonGroup] [role=radio] { margin: 0; border-radius: 8px; }
  [data-testid=stButtonGroup] [role=radio]:not([aria-checked=true]) { border-left-color: #d5d8e0 !important; }
  html[data-palette=dark] [data-testid=stButtonGroup] [role=radio]:not([aria-checked=true]) { border-left-color: #46443f !important; }
  [data-testid=stVerticalBlock]:has(> [data-testid=stElementContainer] [data-testid=stPlotlyChart]) { padding: .3rem; }
}
@media (hover: none) { [data-testid=stElementContainer]:has(> [data-testid=stFullScreenFrame] [data-testid=stDataFrame]) { margin-top: 1.9rem; } }
@media (forced-colors: active) { :is([data-testid=stSlider], [data-testid=stCheckbox], [data-testid=stButtonGroup]) { forced-color-adjust: none; } }
.st-key-workload [data-testid=stSliderTickBar] { font-variant-numeric: tabular-nums; }
</style>
"""
)
PRESENT = """
<style>
html { font-size: clamp(17px, 1.15vw, 22px) !important; }
header[data-testid=stHeader], [data-testid=stSidebar], [data-testid=stExpandSidebarButton] { display: none !important; }
[data-testid=stMainBlockContainer] { padding: 1rem 3rem .5rem 2rem !important; max-width: none !important; }
[data-testid=stMainBlockContainer] > [data-testid=stVerticalBlock], [data-testid=stMainBlockContainer] > [data-testid=stVerticalBlock] > [data-testid=stLayoutWrapper] > [data-testid=stVerticalBlock] { gap: .7rem; }
.st-key-leave { position: fixed; right: .3rem; top: .3rem; width: auto; z-index: 999; }
.st-key-leave button { padding: .2rem .35rem; min-height: 2rem; }
.st-key-leave button :is(p, kbd), .st-key-leave [data-testid=stButtonShortcut] { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.memory-live { font-size: clamp(17px, 1.15vw, 22px); min-height: 0; }
.st-key-present_fit { position: absolute; }
[data-testid=stLayoutWrapper]:has(> .st-key-workload) { top: 0 !important; }
.memory-live .pictures, .st-key-workload :is([data-testid=stTooltipIcon], [data-testid=stNumberInputStepUp], [data-testid=stNumberInputStepDown]) { display: none; }
</style>
"""
TOLD = """
<style>
.memory-live :is(.sentence, .advice[data-over=false]), :is(.st-key-numbers_section, .st-key-trade_offs_section) { display: none; }
</style>
"""
"""A story says for itself what the picture's own sentence would repeat, and chooses the section."""


def dress() -> None:
    """How the page looks wherever it is opened. Around the body, which is drawn far more often."""
    _outside(key="outside", data={"figures": FIGURES})
    st.html(ALWAYS)


def apply(present: bool, told: bool) -> None:
    """Hide what a room does not need, but for the way back. `told`: a story says the sentence."""
    if present or told:
        st.html((PRESENT if present else "") + (TOLD if told else ""))
    if present:
        _fit(key="present_fit", on_size_change=_fitted)
        shut = {"present": False}
        st.button(
            "Leave the presentation",
            key="leave",
            icon=":material/close_fullscreen:",
            help="Leave the presentation (Esc)",
            shortcut="Esc",
            on_click=place,
            args=(shut,),
            type="tertiary",
        )


def _fitted() -> None:
    """Keep the height of the figures' text that the window has room for; the figures follow in this very run.

    A page that has been left since, as the next step of a story does, has no such component any more.
    """
    size = getattr(st.session_state.get("present_fit"), "size", None)
    if isinstance(size, int) and 1 <= size <= 2 * LARGE:
        st.session_state[ROOM_TEXT] = size
