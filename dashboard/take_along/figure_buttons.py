"""Below a figure: its picture as PNG and SVG, made in the browser, and its numbers as CSV and Excel."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from .tables import as_csv

FOLDER = Path(__file__).parent
PICTURES = (FOLDER / "pictures.js").read_text(encoding="utf-8")
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BUTTONS_CSS = """
.figure-buttons { display: flex; gap: .5rem; align-items: center; flex-wrap: wrap; font-family: var(--st-font); color: var(--st-text-color); }
.figure-buttons button { font: inherit; font-size: .875rem; padding: .25rem .75rem; min-height: 2.5rem; border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius, 8px); background: var(--st-background-color); color: inherit; cursor: pointer; }
.figure-buttons button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
.figure-buttons button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
.figure-buttons span { font-size: .88rem; }
"""
_pictures = st.components.v2.component(
    "memory_figure_buttons",
    html='<div class="figure-buttons"></div>',
    css=BUTTONS_CSS,
    js=PICTURES + (FOLDER / "figure_buttons.js").read_text(encoding="utf-8"),
)


def figure_buttons(
    figure: str, *, title: str, sentence: str, size: int, rows: Sequence[Mapping[str, Any]], name: str
) -> None:
    """Buttons for the figure with the key `figure`; `size` is its text's height in pixels, `name` that of the files."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"take_{figure}"):
        if rows:
            st.download_button(
                "CSV", lambda: as_csv(rows), f"{name}.csv", "text/csv", key=f"csv_{figure}", on_click="ignore"
            )
            st.download_button(
                "Excel", lambda: _excel(rows), f"{name}.xlsx", EXCEL, key=f"excel_{figure}", on_click="ignore"
            )
        data = {"figure": figure, "title": title, "sentence": unmarked(sentence), "size": size, "name": name}
        _pictures(key=f"pictures_{figure}", data=data)


def _excel(rows: Sequence[Mapping[str, Any]]) -> bytes:
    from .workbook import workbook  # takes a while to load, and is seldom asked for

    return workbook({"Figure": rows})


def unmarked(markdown: str) -> str:
    """The words of a sentence without its bold marks and escapes."""
    return re.sub(r"\\([!-/:-@\[-`{-~])|\*\*", lambda found: found.group(1) or "", markdown)
