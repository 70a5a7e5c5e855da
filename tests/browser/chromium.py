"""The real browser that tests and the benchmark share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def chromium() -> str | None:
    """The Chromium to use: CHROMIUM, else one on the path, first one without windows, else playwright's own (None)."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """One headless Chromium. Raises RuntimeError, rather than doing without, where there is none."""
    with sync_playwright() as playwright:
        try:
            found = playwright.chromium.launch(executable_path=chromium(), args=list(ARGUMENTS))
        except Exception as error:
            advice = "set CHROMIUM, put one on the path, or run `playwright install chromium`"
            raise RuntimeError(f"no Chromium: {advice} ({error})") from error
        yield found
        found.close()
