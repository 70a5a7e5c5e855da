"""A link opens the same picture as the page that it was copied from, at every width."""

from __future__ import annotations

import pytest
from conftest import Sheet, visitor
from opened_page import STILL, at, drawn, words
from playwright.sync_api import Browser

from dashboard.parameters import VIEW_NAMES

NOT_FOUND = "Failed to load resource: the server responded with a status of 404"
"""Streamlit looks for its server under a view's own address first; that answer, not found, is its way and no error."""
VIEWS = {
    "": "memory_bars=batch&memory_parts=true&context_length=4096&unit=GB",
    "trade-offs": "trade_offs_section=longest&trade_offs_devices=l40s,mi300x&context_length=512",
    "conversation": "conversation_kind=long-document&conversation_axis=tokens&conversation_turns=3",
    "levers": "levers_changes=weights-fp8&context_length=900",
    "compare": "compare_1=model:gpt2-xl&context_length=800&batch_size=4",
    "hardware": "hardware_vendor=AMD&hardware_sort=speed&context_length=700",
    "numbers": "numbers_section=bytes&context_length=600",
    "model": "device=l40s",
}
"""Every view by its place in the address, with a state of its own that is not the page's usual one."""
WORDLESS = """() => [
  ...[...document.querySelectorAll('svg[role=img], .track[role=img]')].filter(e => !e.getAttribute('aria-label')).map(e => e.outerHTML.slice(0, 90)),
  ...[...document.querySelectorAll('[data-testid=stPlotlyChart]')].filter(e => !e.getAttribute('aria-label')?.trim()).map(() => 'a figure'),
]"""


HEADINGS = "[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(e => +e.tagName[1])"


@pytest.mark.parametrize("view", VIEWS)
def test_a_link_opens_the_same_picture_and_no_view_is_wider_than_a_phone(sheet: Sheet, view: str):
    page = at(sheet, VIEWS[view], view).page
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("Link copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert "link:" not in words(page), "a part of the link was refused"
    seen, said = drawn(page), words(page)
    path, _, query = link.removeprefix(sheet.address).partition("?")
    assert len(link) < 2000 and path == view
    at(sheet, query, path)
    assert drawn(page) == seen and words(page) == said
    page.set_viewport_size({"width": 390, "height": 844})
    sheet.settle()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    assert page.evaluate(WORDLESS) == []
    first, *others = page.evaluate(HEADINGS)
    assert first == 1 and set(others) <= {2}, "one heading of the page, and those of its parts"
    has_verdict = view not in (*STILL, "compare")
    assert (page.locator("[data-card=verdict]").count() == 1) == has_verdict
    page.emulate_media(media="print")
    on_paper = page.locator("[data-testid=stSidebar]").is_visible()
    page.emulate_media(media="screen")
    assert not on_paper
    assert [error for error in sheet.errors if NOT_FOUND not in error] == []


def test_every_view_is_opened_above():
    assert [view or "memory" for view in VIEWS] == list(VIEW_NAMES)


def test_a_link_opens_the_same_picture_for_somebody_else(sheet: Sheet, browser: Browser):
    at(sheet, VIEWS[""])
    other = visitor(browser)
    again = at(Sheet(other.new_page(), sheet.address), sheet.page.url.partition("?")[2])
    assert drawn(again.page) == drawn(sheet.page) and words(again.page) == words(sheet.page)
    other.close()
