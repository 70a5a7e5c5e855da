"""The real server and a real browser, once for all browser tests; none of them may ask anybody else for anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from app_server import running_server
from chromium import running_browser
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, WebSocket

RECORDING = Path(__file__).parent / "recording"
SIZE = {"width": 1280, "height": 720}


@pytest.fixture(scope="session")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in which the server writes down every address outside this machine that it reaches for."""
    return tmp_path_factory.mktemp("reached") / "addresses"


@pytest.fixture(scope="session")
def address(reached: Path) -> Iterator[str]:
    """The address of a server that runs the app."""
    paths = os.pathsep.join(filter(None, (str(RECORDING), os.environ.get("PYTHONPATH"))))
    with running_server(environment={"PYTHONPATH": paths, "RECORD_ADDRESSES": str(reached)}) as server:
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
        self._noted = (
            ("console", self._said),
            ("pageerror", self._failed),
            ("request", self._requested),
            ("websocket", self._connected),
        )
        for event, note in self._noted:
            page.on(event, note)

    def leave(self) -> None:
        """Take no more note of what happens to the page."""
        for event, note in self._noted:
            self.page.remove_listener(event, note)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _failed(self, error: Error) -> None:
        self.errors.append(str(error))

    def _connected(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._framed)

    def _requested(self, request: Request) -> None:
        if not request.url.startswith((self.address, self.address.replace("http", "ws"), "data:", "blob:")):
            self.elsewhere.append(request.url)

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


def visitor(browser: Browser) -> BrowserContext:
    """Somebody who has closed the hints and saves data, at 1280 × 720 in light colours with a clipboard."""
    found = browser.new_context(viewport=SIZE, color_scheme="light", accept_downloads=True)
    found.grant_permissions(["clipboard-read", "clipboard-write"])
    found.add_init_script("localStorage.setItem('language model memory: guide seen', '1')")
    found.add_init_script("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
    return found


@pytest.fixture(scope="session")
def tab(browser: Browser) -> Iterator[Page]:
    """The one tab of most tests: it has loaded Streamlit's own scripts, so that a page opens in half of the time."""
    context = visitor(browser)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab: Page) -> Iterator[Page]:
    """The tab as no test has used it; what is opened in it is a session of its own."""
    tab.set_viewport_size(SIZE)
    tab.emulate_media(color_scheme="light")
    yield tab
    tab.mouse.up()
    tab.evaluate("localStorage.clear(), sessionStorage.clear()")
    tab.goto("about:blank")


@pytest.fixture
def sheet(page: Page, address: str, reached: Path) -> Iterator[Sheet]:
    """The tab with what happens to it. Fails where it, or the server for it, asked anybody else."""
    sheet = Sheet(page, address)
    yield sheet
    sheet.leave()
    assert not sheet.elsewhere
    assert not reached.read_text(encoding="utf-8")
