"""Nothing is asked of anybody else, not even when a stranger knocks. Every test with a `sheet` ends by asserting it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from conftest import RECORDING, Sheet


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


def test_a_page_of_another_origin_is_refused_without_asking_who_we_are(sheet: Sheet, reached: Path):
    """Once somebody has opened a page: Streamlit runs nothing of the app before."""
    address = sheet.open().address
    assert b" 101 " in knock(address, address.rstrip("/"))
    assert b" 403 " in knock(address, "https://elsewhere.example")
    assert not reached.read_text(encoding="utf-8")


def test_a_sheet_sees_what_its_page_asks_of_others(sheet: Sheet):
    """So the tests with a sheet can fail, by what the page asks and, below, by what the server reaches for."""
    sheet.page.goto(f"{sheet.address}_stcore/health")
    sheet.page.evaluate(
        "fetch('http://192.0.2.1:9/x', {mode: 'no-cors', signal: AbortSignal.timeout(50)}).catch(() => 0)"
    )
    assert sheet.elsewhere == ["http://192.0.2.1:9/x"]
    sheet.elsewhere.clear()


def test_the_record_sees_what_is_reached_for(tmp_path: Path):
    file = tmp_path / "addresses"
    reach = "import socket; line = socket.socket(); line.setblocking(False); line.connect_ex(('192.0.2.1', 9))"
    variables = {**os.environ, "PYTHONPATH": str(RECORDING), "RECORD_ADDRESSES": str(file)}
    subprocess.run([sys.executable, "-c", reach], env=variables, check=True)
    assert file.read_text(encoding="utf-8") == "socket.connect ('192.0.2.1', 9)\n"
