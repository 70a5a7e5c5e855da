"""A page ends when all of it has been sent, and the first one of a visit begins with what the browser has to load.

Streamlit sends what has gathered every 10 milliseconds. When the body is asked for while some of a whole page still
waits, it drops what of the body waits, for the body is drawn anew; but the end of the page is sent, and the browser,
which then has a page without those controls, forgets what they were set to and begins them anew with their first value.
"""

from __future__ import annotations

import threading
import time

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

LONGEST_SECONDS = 1.0
"""A wait; a browser that is gone takes nothing."""
LOOK_SECONDS = 0.002
HEAD_START_SECONDS = 0.08
"""With 0.05 the code came too late at times."""


def give_a_head_start(to: str) -> None:
    """Once a visit, let the browser show what was drawn so far, or load the code for it, before the rest is sent.

    `page`: a component out of sight. Streamlit loads the code of each kind of element with the first of them. One that was
    to be drawn before its code was there is held back by React for 0.3 s (FALLBACK_THROTTLE_MS), and so was the chart:
    reloaded, it was painted after 0.57 to 0.65 s, and is after 0.41 to 0.50 s.
    `strip`: the verdict, which otherwise waits while the script that draws figures is read.
    """
    given = f"head_start_{to}"
    if given not in st.session_state:
        st.session_state[given] = True
        if wait_until_sent():
            time.sleep(HEAD_START_SECONDS)


def wait_until_sent() -> bool:
    """Return when the server has sent what this run has drawn; at once, with False, where no server runs."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return False
    sessions = getattr(runtime.get_instance(), "_session_mgr", None)  # a page that is tested without a server has none
    found = sessions and sessions.get_active_session_info(context.session_id)
    if not found:
        return False
    session, until = found.session, time.monotonic() + LONGEST_SECONDS
    gathered = threading.Event()
    session._event_loop.call_soon_threadsafe(gathered.set)  # after all that this run has drawn
    gathered.wait(LONGEST_SECONDS)
    while not session._browser_queue.is_empty() and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
    return True
