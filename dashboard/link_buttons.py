"""The button that copies the page's whole state as a link."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

_button = st.components.v2.component(
    "memory_copy_link",
    html='<div class="copy-link"><button type="button" title="Copies the address of this page with everything that is set on it.">Copy link</button><span aria-live="polite"></span></div>',
    css="""
    .copy-link { font-family: var(--st-font); color: var(--st-text-color); position: relative; }
    .copy-link button { width: 100%; font: inherit; font-size: .875rem; padding: .25rem .75rem; min-height: 2.5rem; border: 1px solid var(--st-border-color);
      border-radius: var(--st-button-radius, 8px); background: var(--st-background-color); color: inherit; cursor: pointer; }
    .copy-link button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
    .copy-link button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
    .copy-link span { display: block; font-size: .85rem; line-height: 1.3; }
    .copy-link textarea { display: block; width: 100%; margin-top: .5rem; font: inherit; font-size: .8rem; box-sizing: border-box; }
    """,
    js=(Path(__file__).parent / "copy_link.js").read_text(encoding="utf-8"),
)


def copy_link() -> None:
    """A button that copies the page's address with what `tell_link` says, or shows it to be copied by hand."""
    _button(key="copy_link")


def tell_link(query: str) -> None:
    """Write what the copied link is to say where the button finds it: it is drawn anew less often than the page changes."""
    st.html(f'<i data-link="{escape(query)}" hidden></i>')
