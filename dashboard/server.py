"""What a server does once, before it lets the first visitor in."""

from __future__ import annotations

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from importlib import import_module
from types import ModuleType

import streamlit as st

from memory_model.presets import model_presets

from . import fair_share
from .asks_nobody import ask_nobody
from .views import ICONS


@asynccontextmanager
async def before_visitors(app: st.App) -> AsyncIterator[None]:
    """Read code and presets while nobody waits for them: the first page took 0.96 s of a core, and takes 0.14."""
    for path in ICONS:
        view_of(path)
    import_module("pandas")  # Streamlit's own first page loads it
    model_presets()
    start()
    yield


def view_of(path: str) -> ModuleType:
    """The module of the view at a place of `ICONS`."""
    return import_module(f"dashboard.views.{path.replace('-', '_')}")


@lru_cache(maxsize=1)
def start() -> None:
    """Ask nobody for anything, take turns often, and look for garbage seldom.

    A page is many small messages, and after each its thread waits for its turn while another one computes. Looking for
    garbage as often as Python does took 10 % of what a refresh costs: tables and graphs are many objects that live on.
    """
    ask_nobody()
    sys.setswitchinterval(fair_share.TURN_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
