"""What was chosen in a view is as it was when one comes back from other views, to the eye, to the page and in the link."""

from __future__ import annotations

import pytest
from conftest import Sheet
from opened_page import at, rest
from playwright.sync_api import Page, expect

PRESSED = """() => [...document.querySelectorAll('[data-testid=stMain] [data-testid=stButtonGroup]')].map(
  group => [...group.querySelectorAll('[role=radio][aria-checked=true]')].map(one => one.innerText).join('+'))"""
VIEWS = {
    "": ("context_length=65536&batch_size=4", ["Against context"]),
    "trade-offs": ("context_length=65536&trade_offs_section=growth", ["How it grows", "Context length"]),
    "conversation": ("conversation_kind=coding-agent&conversation_axis=tokens", ["Coding agent", "Token by token"]),
    "numbers": ("numbers_section=training&numbers_train_tokens=4096", ["Inference against training"]),
}
"""What is chosen, and which buttons are pressed then."""
AROUND = ("Levers", "Model")


def go(sheet: Sheet, view: str) -> None:
    sheet.page.get_by_role("link", name=view, exact=True).first.click()
    expect(sheet.page.locator("[data-testid=stTopNavLink][aria-current=page]")).to_contain_text(view)
    rest(sheet)


def numbers(page: Page) -> dict[str, str]:
    """What stands in the boxes for numbers."""
    found = page.locator("[data-testid=stMain] [data-testid=stNumberInput] input")
    return {one.get_attribute("aria-label") or "": one.input_value() for one in found.all()}


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_that_is_left_and_opened_again_is_as_it_was(sheet: Sheet, view: str):
    query, pressed = VIEWS[view]
    page = at(sheet, query, view).page
    before, link = numbers(page), page.url
    assert page.evaluate(PRESSED) == pressed
    for other in AROUND:
        go(sheet, other)
    go(sheet, view.capitalize() or "Memory")
    assert (page.evaluate(PRESSED), numbers(page), page.url) == (pressed, before, link)
    page.locator("[data-testid=stSidebar]").get_by_text("GB", exact=True).click()
    page.wait_for_url("**unit=GB*")
    rest(sheet)
    assert (page.evaluate(PRESSED), numbers(page)) == (pressed, before)
    assert not page.locator("[data-testid=stException], [data-testid=stAlert]").count()
