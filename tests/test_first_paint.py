"""What a browser gets with the first answer, before Streamlit has drawn anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard.first_paint import FIRST, STYLE, FirstPaint

DASHBOARD = Path(__file__).parent.parent / "dashboard"
PAGE = b"<html><head><title>T</title></head><body></body></html>"
BROWSER = [(b"accept", b"text/html,*/*"), (b"accept-encoding", b"gzip"), (b"if-none-match", b'"1"')]


def answered(body: bytes, kind: bytes, *, status: int = 200, asked=BROWSER, method: str = "GET"):
    """What arrives of an answer in two pieces, by status, headers and body; and the headers that the app was asked with."""
    seen, sent = [], []

    async def app(scope, receive, send):
        seen.extend(scope["headers"])
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), (b"etag", b'"1"')]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body[:9], "more_body": True})
        await send({"type": "http.response.body", "body": body[9:]})

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "headers": list(asked)}
    with pytest.raises(StopIteration):  # nothing in it waits, so that it runs through in whichever loop there is
        FirstPaint(app)(scope, None, send).send(None)
    start, *pieces = sent
    return start["status"], dict(start["headers"]), b"".join(piece["body"] for piece in pieces), dict(seen)


def test_a_page_comes_with_its_style_and_its_new_length():
    status, headers, body, asked = answered(PAGE, b"text/html; charset=utf-8")
    assert status == 200 and body == PAGE.replace(b"</head>", STYLE + b"</head>")
    assert int(headers[b"content-length"]) == len(body)
    assert b"etag" not in headers, "Streamlit's own file stays the same when the style changes"
    assert set(asked) == {b"accept"}, (
        "a compressed page could not be read, and one that is not sent could not be changed"
    )


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (b"text/javascript", {}),
        (b"text/html", {"status": 404}),
        (b"text/html", {"asked": [(b"accept", b"*/*")]}),
        (b"text/html", {"method": "HEAD"}),
    ],
    ids=["a script", "an error", "no browser", "no body"],
)
def test_every_other_answer_passes_as_it_is(kind: bytes, more: dict):
    _, headers, body, _ = answered(PAGE, kind, **more)
    assert body == PAGE and headers[b"etag"] == b'"1"' and int(headers[b"content-length"]) == len(PAGE)


def test_room_is_kept_for_controls_that_there_are():
    code = "".join(path.read_text(encoding="utf-8") for path in DASHBOARD.rglob("*.py"))
    keys = set(re.findall(r"\.st-key-(\w+)", FIRST))
    assert len(keys) > 20 and [key for key in sorted(keys) if f'"{key}"' not in code] == []
