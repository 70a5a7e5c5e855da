"""A page as a visitor opens it: when it is at rest, and what is seen on it."""

from __future__ import annotations

from pathlib import Path

from conftest import Sheet
from playwright.sync_api import Download, Page

TOO_LARGE = "model=llama-3.1-70b&device=h100-sxm-80gb&context_length=131072"
STILL = ("conversation", "model")
"""Views without sliders."""
DRAWN = "e => Object.fromEntries(Object.entries(e.dataset).filter(([name]) => name.startsWith('drawn')))"


def at(sheet: Sheet, query: str, view: str = "") -> Sheet:
    """The sheet at a view, once the server has said all it had to say."""
    sheet.page.goto(f"{sheet.address}{view}?{query}")
    last = "[data-testid=stSidebar] .st-key-stories button"
    drawing = "[data-drawn-context]" if view not in STILL else last
    for wanted in (drawing, last):
        sheet.page.wait_for_selector(wanted, state="attached", timeout=30_000)
    return rest(sheet)


def rest(sheet: Sheet) -> Sheet:
    """Nothing arrives any more, and nothing waits to be drawn."""
    sheet.settle()
    sheet.page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')", timeout=20_000)
    return sheet


SEEN = """() => {
  const heard = [...document.querySelectorAll('.memory-heard')];
  for (const one of heard) one.style.display = 'none';
  const seen = document.querySelector('[data-testid=stMain]').innerText;
  for (const one of heard) one.style.display = '';
  return seen;
}"""
"""What is heard alone comes once the sliders have rested for a while."""


def words(page: Page) -> str:
    """What the view says to the eye."""
    return str(page.evaluate(SEEN)).replace("\xa0", " ")


def drawn(page: Page) -> dict[str, str]:
    """What the live chart or the strip says that it shows; nothing where a view has neither."""
    found = page.locator("[data-drawn-context]")
    return found.first.evaluate(DRAWN) if found.count() else {}


def box(page: Page, selector: str) -> dict[str, float]:
    """Where an element stands, read in one moment: bars that are drawn anew for another window are other elements."""
    found = page.wait_for_function("s => document.querySelector(s)?.getBoundingClientRect().toJSON()", arg=selector)
    return found.json_value()


def in_sight(page: Page, selector: str) -> str:
    """The words of an element that lies wholly in the window, and is not hidden under anything."""
    place, size = box(page, selector), page.viewport_size
    assert size and place["top"] >= 0 and place["bottom"] <= size["height"], f"{selector} is out of sight"
    seen = "([s, x, y]) => document.querySelector(s).contains(document.elementFromPoint(x, y))"
    assert page.evaluate(seen, [selector, place["x"] + 20, place["y"] + place["height"] / 2]), f"{selector} is covered"
    return page.locator(selector).inner_text().replace("\xa0", " ")


def content(download: Download) -> bytes:
    return Path(download.path()).read_bytes()
