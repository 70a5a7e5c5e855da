"""The page for a room: large, and nothing on it but what is said."""

from __future__ import annotations

import streamlit as st

ALWAYS = """
<style>
[data-testid=stMainBlockContainer] { padding: 4rem 2.2rem 2rem; max-width: 1900px; }
@media (max-width: 640px) {
  [data-testid=stMainBlockContainer] { padding: 4rem 1rem 2rem; }
  .st-key-workload [data-testid=stHorizontalBlock] { gap: .6rem; }
  .st-key-workload [data-testid=stColumn] { min-width: 0 !important; flex: 1 1 60% !important; }
  .st-key-workload [data-testid=stColumn]:nth-child(even) { flex: 1 1 28% !important; }
}
.st-key-workload [data-testid=stSliderTickBar] { font-variant-numeric: tabular-nums; }
</style>
"""
PRESENT = """
<style>
html { font-size: 22px !important; }
header[data-testid=stHeader], [data-testid=stSidebar], [data-testid=stExpandSidebarButton] { display: none !important; }
[data-testid=stMainBlockContainer] { padding: 1rem 2rem !important; max-width: none !important; }
.st-key-leave { position: fixed; right: 1rem; bottom: .2rem; opacity: .6; width: auto; }
.memory-live { font-size: 22px; }
.memory-live .pictures { display: none; }
</style>
"""


def apply(present: bool) -> None:
    """Set the page's margins; hide what a room does not need, but for the way back."""
    st.html(ALWAYS + PRESENT if present else ALWAYS)
    if present:
        shut = {"present": False}
        st.button(
            "Leave the presentation", key="leave", on_click=st.session_state.update, args=(shut,), type="tertiary"
        )
