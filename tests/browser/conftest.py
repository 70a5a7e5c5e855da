"""The real server and a real browser, once for all browser tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from app_server import running_server
from chromium import running_browser
from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """The address of a server that runs the app."""
    with running_server() as server:
        yield server.address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium."""
    with running_browser() as found:
        yield found


class Sheet:
    """One page with what happened to it: errors, requests and bytes from the server."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        self.received = 0
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._requested)
        page.on("websocket", lambda socket: socket.on("framereceived", self._framed))

    def _requested(self, request: object) -> None:
        url = request.url  # type: ignore[attr-defined]
        if not url.startswith((self.address, self.address.replace("http", "ws"), "data:", "blob:")):
            self.elsewhere.append(url)

    def _framed(self, frame: str | bytes) -> None:
        self.received += len(frame)

    def open(self, query: str = "") -> Sheet:
        """Open the live view and wait until it is drawn and nothing more arrives."""
        self.page.goto(f"{self.address}?{query}")
        self.page.wait_for_selector("[data-drawn-context]", timeout=30_000)
        return self.settle()

    def settle(self) -> Sheet:
        """Wait until the server has said all it had to say."""
        quiet, last = 0, -1
        while quiet < 4:
            self.page.wait_for_timeout(60)
            running = self.page.locator("[data-testid=stApp][data-test-script-state=running]").count()
            quiet = quiet + 1 if self.received == last and not running else 0
            last = self.received
        return self

    def drawn(self, name: str = "context") -> int:
        """What the bars say that they show: context, batch or total."""
        return int(self.page.locator("[data-drawn-context]").get_attribute(f"data-drawn-{name}") or 0)

    def slider(self, key: str = "context_stop"):  # type: ignore[no-untyped-def]
        """The native slider of a key."""
        return self.page.locator(f".st-key-{key} input[type=range]")

    def thumb(self, key: str) -> tuple[float, float]:
        """The middle of a slider's thumb, in pixels."""
        box = self.slider(key).locator("xpath=../..").bounding_box()
        assert box
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.fixture
def sheet(browser: Browser, address: str) -> Iterator[Sheet]:
    """A fresh page at 1280 × 720 in light colours."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light")
    yield Sheet(context.new_page(), address)
    context.close()


def visitor(browser: Browser) -> BrowserContext:
    """Somebody who has closed the hints, at 1280 × 720 with a clipboard."""
    found = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light", accept_downloads=True)
    found.grant_permissions(["clipboard-read", "clipboard-write"])
    found.add_init_script("localStorage.setItem('language model memory: guide seen', '1')")
    return found


@pytest.fixture(scope="session")
def regular(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor whose browser has loaded Streamlit's own scripts before; every page is a session of its own."""
    found = visitor(browser)
    yield found
    found.close()


@pytest.fixture
def context(regular: BrowserContext) -> Iterator[BrowserContext]:
    """The visitor without a page from an earlier test."""
    yield regular
    for page in regular.pages:
        page.close()
