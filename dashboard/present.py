"""The page for a room: large, and nothing on it but what is said."""

from __future__ import annotations

import streamlit as st

ALWAYS = """
<style>
[data-testid=stMainBlockContainer] { padding-top: 4.2rem; padding-bottom: 2rem; max-width: 1900px; }
.st-key-workload [data-testid=stSliderTickBar] { font-variant-numeric: tabular-nums; }
</style>
"""
PRESENT = """
<style>
html { font-size: 22px !important; }
header[data-testid=stHeader], [data-testid=stSidebar], [data-testid=stExpandSidebarButton] { display: none !important; }
[data-testid=stMainBlockContainer] { padding: 1rem 2rem !important; max-width: none !important; }
.memory-live { font-size: 22px; }
.memory-live .pictures { display: none; }
</style>
"""


def apply(present: bool) -> None:
    """Set the page's margins, and hide what a room does not need."""
    st.html(PRESENT if present else ALWAYS)
