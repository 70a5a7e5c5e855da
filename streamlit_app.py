"""How much memory does a language model need? Start with: streamlit run streamlit_app.py"""

import streamlit as st
from starlette.middleware import Middleware

from dashboard import (
    controls,
    echoes,
    fair_share,
    guide,
    link_buttons,
    live,
    not_drawn,
    paper,
    present,
    redraw,
    side_bar,
    story_bar,
)
from dashboard.first_paint import FirstPaint
from dashboard.parameters import VIEW_NAMES
from dashboard.sent import give_a_head_start, wait_until_sent
from dashboard.server import before_visitors, start, view_of
from dashboard.theme import ICON
from dashboard.views import ICONS


@st.fragment
def body(path: str) -> controls.Chosen:
    """All but the side bar: what is changed here is drawn without the rest of the page."""
    with fair_share.answering():
        return draw(path)


def draw(path: str) -> controls.Chosen:
    """The story, the sliders with what they move, which stay in sight while the rest is scrolled, and a view."""
    view = view_of(path)
    sliders = getattr(view, "USES_SLIDERS", True)
    heading, story = paper.place(), st.container()
    stays = st.container(key="stays") if sliders else None
    chosen = controls.show(stays)
    with story:
        story_bar.show(chosen)
    present.apply(chosen.present, bool(st.session_state.story))
    paper.show(heading, chosen, path.capitalize(), sliders)
    try:
        if stays is not None and not getattr(view, "DRAWS_LIVE", False):
            with stays:
                live.strip(chosen)
            give_a_head_start("strip")
        view.show(chosen)
    except Exception as error:  # Streamlit's own stops and reruns are none
        not_drawn.show(path.capitalize(), error)
    link_buttons.tell_link(controls.whole_link(chosen))
    echoes.number_the_answer("body", whole=not redraw.body_alone())
    return chosen


def page() -> None:
    """All that a browser shows: the navigation, the opened view, and the side bar."""
    st.set_page_config(page_title="Language model memory", page_icon=ICON, layout="wide", initial_sidebar_state=270)
    start()
    pages = [
        st.Page(lambda: None, title=path.capitalize(), icon=icon, url_path=path, default=path == VIEW_NAMES[0])
        for path, icon in ICONS.items()
    ]
    opened = st.navigation(pages, position="top")
    story_bar.turn_page(pages, opened)
    redraw.begin_page()
    present.dress()
    paper.prepare()
    give_a_head_start("page")
    path = opened.url_path or VIEW_NAMES[0]
    chosen = body(path)
    side_bar.show(chosen, path)
    guide.show()
    redraw.end_page()
    echoes.number_the_answer("page", whole=True)
    wait_until_sent()


if __name__ == "__main__":
    page()
else:  # imported by the server that `streamlit run` starts
    app = st.App(__file__, lifespan=before_visitors, middleware=[Middleware(FirstPaint)])
