"""How much memory does a language model need? Start with: streamlit run streamlit_app.py"""

import gc
from types import ModuleType

import streamlit as st

from dashboard import controls, present, side_bar
from dashboard.theme import ICON
from dashboard.views import batch, computed, memory, model, table


@st.cache_resource
def freeze_imports() -> None:
    """Keep what the imports made out of every later garbage collection."""
    gc.collect()
    gc.freeze()


def page(view: ModuleType, title: str, icon: str, path: str) -> st.Page:
    """A view of what the controls say by the time it runs."""
    return st.Page(lambda: view.show(chosen), title=title, icon=icon, url_path=path, default=view is memory)


st.set_page_config(page_title="Language model memory", page_icon=ICON, layout="wide", initial_sidebar_state=270)
freeze_imports()
VIEWS = [
    page(memory, "Memory", ":material/memory:", "memory"),
    page(batch, "Batch size", ":material/stacked_bar_chart:", "batch"),
    page(computed, "How is this computed?", ":material/function:", "computed"),
    page(model, "Model", ":material/schema:", "model"),
    page(table, "Table", ":material/table:", "table"),
]
view = st.navigation(VIEWS, position="top")
chosen = controls.show()
present.apply(chosen.present)
try:
    view.run()
finally:
    side_bar.show(chosen)
