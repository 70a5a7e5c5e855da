"""A page ends when all of it has been sent.

Streamlit sends what has gathered every 10 milliseconds. When the body is asked for while some of a whole page still
waits, it drops what of the body waits, for the body is drawn anew; but the end of the page is sent, and the browser,
which then has a page without those controls, forgets what they were set to and begins them anew with their first value.
"""

from __future__ import annotations

import threading
import time

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

LONGEST_SECONDS = 1.0
"""A wait; a browser that is gone takes nothing."""
LOOK_SECONDS = 0.002


def wait_until_sent() -> None:
    """Return when the server has sent what this run has drawn; at once where no server runs."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return
    sessions = getattr(runtime.get_instance(), "_session_mgr", None)  # a page that is tested without a server has none
    found = sessions and sessions.get_active_session_info(context.session_id)
    if not found:
        return
    session, until = found.session, time.monotonic() + LONGEST_SECONDS
    gathered = threading.Event()
    session._event_loop.call_soon_threadsafe(gathered.set)  # after all that this run has drawn
    gathered.wait(LONGEST_SECONDS)
    while not session._browser_queue.is_empty() and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
