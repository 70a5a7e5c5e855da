"""Nothing is asked of anybody else: not by a page of any view, not by the server, not even when a stranger knocks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from app_server import running_server
from conftest import Sheet
from playwright.sync_api import Browser

from dashboard.parameters import VIEW_NAMES

RECORDING = Path(__file__).parent / "recording"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server that writes down every address that it reaches for; its own address and the file."""
    file = tmp_path_factory.mktemp("watched") / "addresses"
    paths = os.pathsep.join(filter(None, (str(RECORDING), os.environ.get("PYTHONPATH"))))
    with running_server(environment={"PYTHONPATH": paths, "RECORD_ADDRESSES": str(file)}) as server:
        yield server.address, file


def test_no_view_asks_anybody_else(browser: Browser, watched: tuple[str, Path]):
    address, file = watched
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    sheet = Sheet(context.new_page(), address)
    requests: list[str] = []
    sheet.page.on("request", lambda request: requests.append(request.url))
    sheet.page.on("websocket", lambda socket: requests.append(socket.url))
    assert len(VIEW_NAMES) == 8
    for name in VIEW_NAMES:
        sheet.page.goto(f"{address}{'' if name == 'memory' else name}?device=h100-sxm-80gb")
        sheet.page.locator("[data-testid=stMain] .memory-live, [data-testid=stMain] .js-plotly-plot").first.wait_for()
        sheet.settle()
    context.close()
    assert len(requests) > 8 and sum(url.startswith("ws:") for url in requests) == 8
    assert not sheet.elsewhere
    assert not file.read_text(encoding="utf-8")


def knock(address: str, origin: str) -> bytes:
    """The first line that the server answers to a page of `origin` that wants to connect."""
    place = urlsplit(address)
    lines = (
        "GET /_stcore/stream HTTP/1.1", f"Host: {place.netloc}", f"Origin: {origin}", "Connection: Upgrade",
        "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", "",
    )  # fmt: skip
    with socket.create_connection((place.hostname, place.port), timeout=20) as line:
        line.sendall("\r\n".join(lines).encode())
        return line.recv(4096).partition(b"\r\n")[0]


def test_a_page_of_another_origin_is_refused_without_asking_who_we_are(watched: tuple[str, Path]):
    address, file = watched
    assert b" 101 " in knock(address, address.rstrip("/"))
    assert b" 403 " in knock(address, "https://elsewhere.example")
    assert not file.read_text(encoding="utf-8")


def test_the_record_sees_what_is_reached_for(tmp_path: Path):
    """So the tests above can fail."""
    file = tmp_path / "addresses"
    reach = "import socket; line = socket.socket(); line.setblocking(False); line.connect_ex(('192.0.2.1', 9))"
    variables = {**os.environ, "PYTHONPATH": str(RECORDING), "RECORD_ADDRESSES": str(file)}
    subprocess.run([sys.executable, "-c", reach], env=variables, check=True)
    assert file.read_text(encoding="utf-8") == "socket.connect ('192.0.2.1', 9)\n"
