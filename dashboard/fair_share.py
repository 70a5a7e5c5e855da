"""A session that keeps a processor busy waits between its answers, so that others are answered too.

What an answer took of a processor is owed, and paid back with time. Nobody who looks at the answers owes much; a script
that asks on and on, or for the dearest scenarios one after the other, gets a quarter of a core. What is asked while it
waits is answered together, with the last of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

SHARE = 0.25
"""Of a core, for one session in the long run."""
BURST_SECONDS = 1.5
"""Of a core, that a session may owe before it waits."""
LONGEST_SECONDS = 3.0
"""A wait."""
TURN_SECONDS = 0.002
"""How long one session computes before another may go on. Short turns cost time of a core, long ones let a page wait: 19 of
20 refreshes of fifty people on two cores came within 0.7 s, with 0.5 ms within 0.8 to 0.9, with Python's own 5 ms within 1."""


@dataclass(frozen=True, slots=True)
class Account:
    """Seconds of a core that a session owes, at a time of the clock."""

    owed: float = 0.0
    at: float = 0.0

    def later(self, now: float, used: float = 0.0) -> Account:
        """What is owed at a later time, after so many seconds more were used."""
        return Account(max(0.0, self.owed - SHARE * (now - self.at)) + used, now)

    @property
    def wait(self) -> float:
        """Seconds until no more is owed than may be, but no longer than a wait."""
        return min(LONGEST_SECONDS, max(0.0, self.owed - BURST_SECONDS) / SHARE)


@contextmanager
def answering() -> Iterator[None]:
    """Make an answer, after a wait where much is owed."""
    account = st.session_state.get("account", Account()).later(time.monotonic())
    if account.wait:
        time.sleep(account.wait)
    begun = time.thread_time()
    try:
        yield
    finally:
        st.session_state.account = account.later(time.monotonic(), time.thread_time() - begun)
