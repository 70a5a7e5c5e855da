"""The live chart as a file: it drags without a server, shows the page's numbers, and asks nobody for anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dashboard.controls import Chosen
from dashboard.take_along import menu
from memory_model import Scenario, estimate, resolve

SCENARIOS = (
    Scenario("llama-3.1-70b", weights="awq-int4", device="h100-sxm-80gb", context_length=32768),
    Scenario("gemma-3-27b-it", engine="vllm", device="h200-sxm", context_length=5000, batch_size=7),
)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.model)
def test_the_file_follows_its_slider_without_a_server(browser: Browser, tmp_path: Path, scenario: Scenario):
    file = tmp_path / "memory.html"
    file.write_bytes(menu.page_of(Chosen(scenario, resolve(scenario), "GiB", False)))
    context = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True)
    page = context.new_page()
    errors, requests = [], []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    root = page.locator("[data-drawn-context]")
    root.wait_for()
    assert int(root.get_attribute("data-drawn-context") or 0) == scenario.context_length
    page.locator("input[type=range]").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(100)
    moved = int(root.get_attribute("data-drawn-context") or 0)
    assert moved > scenario.context_length
    asked = Scenario(**{key: getattr(scenario, key) for key in scenario.__slots__} | {"context_length": moved})
    assert int(root.get_attribute("data-drawn-total") or 0) == estimate(asked).bytes
    assert not errors and requests == [file.as_uri()]
    context.close()
