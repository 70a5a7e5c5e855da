"""A slider that keys move: every press is drawn, and it is committed once, when the keys rest."""

from __future__ import annotations

import pytest
from conftest import Sheet
from opened_page import at
from playwright.sync_api import WebSocket

from dashboard.stops import context_stops

DRAWN = """() => {
  globalThis.drawn = [];
  const root = document.querySelector('[data-drawn-context]');
  new MutationObserver(() => drawn.push(+root.dataset.drawnContext)).observe(root, { attributes: true, attributeFilter: ['data-drawn-context'] });
}"""
REST = 250
"""Milliseconds at least, as dashboard/live/keys.js has them."""
BETWEEN = 120
BUSY = "asked between two presses, and not because this machine was busy for once"


def press(sheet: Sheet, *keys: str, between: int = BETWEEN) -> None:
    for key in keys:
        sheet.page.keyboard.press(key)
        sheet.page.wait_for_timeout(between)


@pytest.fixture
def sent(sheet: Sheet) -> list[int]:
    """What the browser has sent to the server, in bytes."""
    found: list[int] = []
    sheet.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: found.append(len(frame))))
    return found


@pytest.mark.parametrize("view", ["", "trade-offs"])
def test_keys_are_drawn_at_once_and_committed_when_they_rest(sheet: Sheet, sent: list[int], view: str):
    page = at(sheet, "context_length=8192", view).page
    page.evaluate(DRAWN)
    sheet.slider().focus()
    sent.clear()
    press(sheet, *["ArrowLeft"] * 3, "ArrowRight", "PageUp", "Home", "ArrowUp", between=BETWEEN // 2)
    drawn = page.evaluate("drawn")
    assert len(drawn) == 7 and drawn[-2:] == [256, 264]
    assert len(sent) <= 1, BUSY
    page.wait_for_url("**context_length=264*")
    sheet.settle()
    assert 1 <= len(sent) <= 2
    assert page.evaluate("drawn") == drawn, "a state was drawn that no key asked for"
    assert page.evaluate("document.activeElement.type") == "range"
    assert not [error for error in sheet.errors if "404" not in error]


def test_keys_that_come_slowly_are_not_committed_one_by_one(sheet: Sheet, sent: list[int]):
    page = at(sheet, "context_length=8192").page
    sheet.slider().focus()
    press(sheet, "ArrowLeft", "ArrowLeft", between=REST + BETWEEN)
    sent.clear()
    press(sheet, *["ArrowLeft"] * 6, between=REST + BETWEEN)
    assert len(sent) <= 2, BUSY
    page.wait_for_url(f"**context_length={sheet.drawn()}*")


def test_a_key_that_is_held_down_is_committed_when_it_is_let_go(sheet: Sheet, sent: list[int]):
    page = at(sheet, "context_length=8192").page
    sheet.slider().focus()
    sent.clear()
    for _ in range(4):
        page.keyboard.down("ArrowRight")
        page.wait_for_timeout(2 * REST)
    assert sent == [] and sheet.drawn() > 8192
    page.keyboard.up("ArrowRight")
    page.wait_for_url(f"**context_length={sheet.drawn()}*")


@pytest.mark.parametrize("leave", ["Tab", "a click"])
def test_what_keys_moved_is_committed_at_once_by_who_leaves_the_slider(sheet: Sheet, sent: list[int], leave: str):
    page = at(sheet, "context_length=8192").page
    sheet.slider().focus()
    sent.clear()
    page.keyboard.down("ArrowLeft")  # a key that is still held waits for ever
    if leave == "Tab":
        page.keyboard.press("Tab")
    else:
        page.mouse.click(*sheet.thumb("batch_stop"))
    page.wait_for_url(f"**context_length={sheet.drawn()}*")
    assert sheet.drawn() < 8192 and sent
    page.keyboard.up("ArrowLeft")
    assert page.evaluate("document.activeElement.type") != "range"


def test_no_press_is_lost_while_the_answer_to_another_changes_where_the_slider_stops(sheet: Sheet):
    """A number that was typed is one more stop, until it is left."""
    sockets: list[WebSocket] = []
    sheet.page.on("websocket", lambda socket: sockets.append(socket))
    page = at(sheet, "context_length=100001").page
    stops = "+document.querySelector('.st-key-context_stop input[type=range]').max"
    before = page.evaluate(stops)
    sheet.slider().focus()
    with sockets[-1].expect_event("framesent"):
        page.keyboard.press("ArrowLeft")
    first = sheet.drawn()
    press(sheet, "ArrowLeft", "ArrowLeft", between=0)
    page.wait_for_function(f"{stops} < {before}")
    sheet.settle()
    assert page.evaluate(stops) == before - 1
    below = [stop for stop in context_stops(131_072) if stop < 100_001]
    assert (first, sheet.drawn()) == (below[-1], below[-3])
