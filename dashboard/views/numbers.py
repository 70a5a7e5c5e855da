"""Where the numbers come from: their terms, the exact bytes, how close they come, training, and one's own engine."""

from __future__ import annotations

import streamlit as st

from ..controls import Chosen
from ..numbers import accuracy, exact_bytes, log_check, terms, training

SECTIONS = {
    "terms": ("How each is computed", terms.show),
    "bytes": ("Exact bytes", exact_bytes.show),
    "accuracy": ("How close they come", accuracy.show),
    "training": ("Inference against training", training.show),
    "log": ("Check against my engine", log_check.show),
}


def show(chosen: Chosen) -> None:
    """One section at a time; which one stands in the link."""
    st.segmented_control(
        "Section",
        list(SECTIONS),
        key="numbers_section",
        persist_state="session",
        format_func=lambda name: SECTIONS[name][0],
        required=True,
        label_visibility="collapsed",
    )
    SECTIONS[st.session_state.numbers_section][1](chosen)
