"""What stands in the place of a view that could not be drawn: the last resort, since views say what is wrong themselves."""

from __future__ import annotations

import logging
import warnings

import streamlit as st

from memory_model import InputError

from .wording import plain


def show(title: str, error: Exception) -> None:
    """Say what to do; the controls stay. The reason is in the server's log, and a warning, which fails tests."""
    if isinstance(error, InputError):
        st.error(plain(f"{title} cannot be drawn for these choices: {error}"), icon=":material/report:")
        return
    logging.getLogger(__name__).error("%s could not be drawn", title, exc_info=error)
    st.error(
        f"**{plain(title)} could not be drawn for these choices.** This is a mistake of the program, not yours. Your choices "
        "are kept: change the one you made last, open another view above, or press Reset in the side bar. "
        "Copy the link of this page when you report it.",
        icon=":material/report:",
    )
    warnings.warn(f"{title} could not be drawn: {error!r}", RuntimeWarning, stacklevel=2)
