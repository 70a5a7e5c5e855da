"""The page's shape goes to the browser with the very first answer, before Streamlit's scripts have drawn anything.

What a run of the page sends comes a second later, and elements that are drawn meanwhile would move: the column of the
page widened, the side bar pushed it aside, and each control grew when the code for it had come.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .paper import CSS
from .present import EVERYWHERE

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ROOM = "<script>if (/[?&]present=true/.test(location.search)) document.documentElement.dataset.room = '';</script>"
"""A room has no side bar that room were to be kept for."""
FIRST = (Path(__file__).parent / "first_paint.css").read_text(encoding="utf-8")
STYLE = f"{ROOM}<style>{EVERYWHERE}{CSS}{FIRST}</style>".encode()
HEAD_ENDS = b"</head>"
LENGTH = b"content-length"
OLD = (LENGTH, b"etag", b"last-modified")
"""What Streamlit says of its own file, which is not what is sent."""


def with_style(html: bytes) -> bytes:
    """A page with the style at the end of its head; any other text as it is."""
    return html.replace(HEAD_ENDS, STYLE + HEAD_ENDS, 1)


class FirstPaint:
    """Middleware that adds the style to every page that a browser opens."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does; where a browser asks for a page, uncompressed, with the style in it."""
        headers = dict(scope.get("headers", ()))
        if scope["type"] != "http" or scope["method"] != "GET" or b"text/html" not in headers.get(b"accept", b""):
            await self._app(scope, receive, send)
            return
        unsent = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
        plain = [(name, value) for name, value in scope["headers"] if name not in unsent]
        await self._app({**scope, "headers": plain}, receive, _Whole(send).pass_on)


class _Whole:
    """Holds a page back until all of it is there."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def pass_on(self, message: Message) -> None:
        """Send a message of the answer, or keep it where it is part of a page."""
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
            return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = with_style(self._body)
        headers = [(name, value) for name, value in self._start["headers"] if name.lower() not in OLD]
        await self._send({**self._start, "headers": [*headers, (LENGTH, str(len(body)).encode())]})
        await self._send({"type": "http.response.body", "body": body})


def _is_page(start: Message) -> bool:
    kinds = [value for name, value in start["headers"] if name.lower() == b"content-type"]
    return bool(start["status"] == 200 and kinds and kinds[0].startswith(b"text/html"))
