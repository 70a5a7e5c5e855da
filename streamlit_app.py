"""How much memory does a language model need? Start with: streamlit run streamlit_app.py"""

import gc
from types import ModuleType

import streamlit as st

from dashboard import controls, echoes, guide, live, not_drawn, present, side_bar, story_bar
from dashboard.asks_nobody import ask_nobody
from dashboard.parameters import VIEW_NAMES
from dashboard.theme import ICON
from dashboard.views import compare, conversation, hardware, levers, memory, model, numbers, trade_offs

VIEWS = (
    (memory, "Memory", ":material/memory:", "memory"),
    (trade_offs, "Trade-offs", ":material/stacked_line_chart:", "trade-offs"),
    (conversation, "Conversation", ":material/forum:", "conversation"),
    (levers, "Levers", ":material/tune:", "levers"),
    (compare, "Compare", ":material/compare_arrows:", "compare"),
    (hardware, "Hardware", ":material/developer_board:", "hardware"),
    (numbers, "Numbers", ":material/function:", "numbers"),
    (model, "Model", ":material/schema:", "model"),
)


@st.cache_resource
def start() -> None:
    """Once per server: ask nobody for anything, and keep what the imports made out of every garbage collection."""
    ask_nobody()
    gc.collect()
    gc.freeze()


def page(view: ModuleType, title: str, icon: str, path: str) -> st.Page:
    """A view of what the controls say by the time it runs."""
    return st.Page(lambda: view.show(chosen), title=title, icon=icon, url_path=path, default=view is memory)


st.set_page_config(page_title="Language model memory", page_icon=ICON, layout="wide", initial_sidebar_state=270)
start()
PAGES = [page(*view) for view in VIEWS]
opened = st.navigation(PAGES, position="top")
story_bar.turn_page(PAGES, opened)
story = st.container()
module = next(view for view, title, _, _ in VIEWS if title == opened.title)
sliders = getattr(module, "USES_SLIDERS", True)
chosen = controls.show(sliders)
with story:
    story_bar.show(chosen)
present.apply(chosen.present, bool(st.session_state.story))
try:
    if sliders and not getattr(module, "DRAWS_LIVE", False):
        live.strip(chosen)
    opened.run()
except Exception as error:  # Streamlit's own stops and reruns are none
    not_drawn.show(opened.title, error)
finally:
    side_bar.show(chosen, opened.url_path or VIEW_NAMES[0])
    guide.show()
    echoes.number_the_answer()
