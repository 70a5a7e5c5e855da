"""How much memory does a language model need? Start with: streamlit run streamlit_app.py"""

from __future__ import annotations

import gc
from types import ModuleType

import streamlit as st

from dashboard import controls, present
from dashboard.views import batch, computed, memory, table


ICON = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 8V3h3v5zM5 8V0h3v8z" fill="#3767D0"/></svg>'


@st.cache_resource
def freeze_imports() -> None:
    """Keep what the imports made out of every later garbage collection."""
    gc.collect()
    gc.freeze()


def page(view: ModuleType, title: str, icon: str, path: str) -> st.Page:
    """A view of what the controls say by the time it runs."""
    return st.Page(lambda: view.show(chosen), title=title, icon=f":material/{icon}:", url_path=path, default=path == "memory")


st.set_page_config(page_title="Language model memory", page_icon=ICON, layout="wide", initial_sidebar_state=270)
freeze_imports()
VIEWS = [
    page(memory, "Memory", "memory", "memory"),
    page(batch, "Batch size", "stacked_bar_chart", "batch"),
    page(computed, "How is this computed?", "function", "computed"),
    page(table, "Table", "table", "table"),
]
view = st.navigation(VIEWS, position="top")
chosen = controls.show()
present.apply(chosen.present)
view.run()
present.leave(chosen.present)
