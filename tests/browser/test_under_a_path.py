"""A server under a path of a site, as behind a proxy, and another one beside it: they share nothing but the link."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from app_server import running_server
from conftest import Sheet
from playwright.sync_api import Page

CONFIG = Path(__file__).parent.parent / "configs"


@pytest.fixture(scope="module")
def below() -> Iterator[str]:
    """The address of a server that knows that it stands under /memory/."""
    with running_server("--server.baseUrlPath=memory", path="/memory/") as server:
        yield server.address


def test_views_and_links_stay_under_the_path_and_say_the_same_elsewhere(page: Page, below: str, address: str):
    sheet = Sheet(page, below).open("context_length=50001&batch_size=2&model=gemma-3-27b-it")
    total = sheet.drawn("total")
    page.get_by_role("link", name="Levers", exact=True).click()
    page.wait_for_url(f"{below}levers**")
    page.get_by_role("link", name="Memory", exact=True).click()
    page.wait_for_url(f"{below}?**")
    page.wait_for_selector(".memory-live[data-of=view][data-drawn-context='50001']")
    sheet.settle()
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("Link copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{below}?") and not sheet.elsewhere and not sheet.errors
    other = Sheet(page, address).open(link.partition("?")[2])
    assert (other.drawn(), other.drawn("batch"), other.drawn("total")) == (50_001, 2, total)


def test_a_model_that_somebody_brought_lives_in_one_process_and_is_asked_for_elsewhere(
    page: Page, below: str, address: str
):
    sheet = Sheet(page, below)
    page.goto(f"{below}model")
    page.get_by_role("tab", name="Bring a config.json").click()
    page.locator(".st-key-own_config_file input[type=file]").set_input_files(CONFIG / "falcon-40b.json")
    page.get_by_role("button", name="Show this model").click()
    page.wait_for_url("**model=own-**")
    query = page.url.partition("?")[2]
    assert "Your falcon model" in sheet.open(query).page.locator(".memory-live").inner_text()
    other = Sheet(page, address).open(query)
    assert "this link names a model that somebody brought; bring its file" in page.locator("body").inner_text()
    assert "Llama 3.1 8B" in page.locator(".memory-live").inner_text() and not other.errors
