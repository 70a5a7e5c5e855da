"""The server asks nobody for anything while it runs, nor does a page.

Streamlit asks checkip.amazonaws.com for this machine's address when it starts without a browser, and again whenever a
page of another origin tries to connect, while every session waits (`net_util.get_external_ip`, Streamlit 1.67). The
start is settled by `browser.serverAddress` in `.streamlit/config.toml`, the rest here: a page of another origin is
refused unless `server.corsAllowedOrigins` names it.
"""

from __future__ import annotations

from streamlit import net_util


def ask_nobody() -> None:
    """Let Streamlit know no address of this machine but the ones that its options name."""
    net_util.get_external_ip = net_util.get_internal_ip = _unknown


def _unknown() -> None:
    return None
