"""The real server and the real browser that tests and the benchmark share."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parent.parent.parent
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def chromium() -> str | None:
    """The Chromium to use: CHROMIUM, else one on the path, else playwright's own (None)."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    return next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def running_app(*more: str, environment: Mapping[str, str] | None = None, path: str = "/") -> Iterator[str]:
    """The address of a server that runs the app, with `more` options of Streamlit, which say where its `path` is.

    Raises RuntimeError when it does not start.
    """
    port = free_port()
    options = [
        "--server.headless=true",
        "--server.address=127.0.0.1",
        f"--server.port={port}",
        "--server.fileWatcherType=none",
        *more,
    ]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app.py"), *options]
    variables = {**os.environ, **(environment or {})}
    server = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        _wait(f"http://127.0.0.1:{port}{path}_stcore/health", server)
        yield f"http://127.0.0.1:{port}{path}"
    finally:
        server.terminate()
        server.communicate(timeout=20)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 40
    while time.monotonic() < until:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended at once: {server.communicate()[0][-2000:].decode(errors='replace')}")
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not answer within 40 seconds")


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
