"""What somebody sees who has never seen the page: why it does not fit, and every control within reach."""

from __future__ import annotations

import re

import pytest
from conftest import Sheet
from opened_page import TOO_LARGE, at, in_sight
from playwright.sync_api import Browser, expect

from memory_model import Scenario, estimate, fit


def test_why_a_70b_model_does_not_fit_is_said_at_once_with_three_changes(sheet: Sheet):
    page = at(sheet, TOO_LARGE).page
    scenario = Scenario("llama-3.1-70b", device="h100-sxm-80gb", context_length=131072)
    answer = fit(scenario)
    limit = int(estimate(scenario).bytes) + answer.headroom
    page.wait_for_function("!document.querySelector('.advice').innerText.includes('named when')")
    assert in_sight(page, "[data-card=verdict]") == f"✗ over by {-answer.headroom / 2**30:.0f} GiB"
    why = in_sight(page, ".memory-live .sentence")
    assert "needs 131 GiB for its weights" in why and "KV cache holds 40.0 GiB" in why and "29.1 GiB more" in why
    assert "79.2 GiB usable" in (page.locator("svg.bars").text_content() or "").replace("\xa0", " ")
    changes = in_sight(page, ".memory-live .advice").removeprefix("What would make it fit: ").split(", or ")
    sizes = [float(re.search(r": ([\d.]+) GiB", change)[1]) for change in changes]  # type: ignore[index]
    assert len(changes) == 3 and all(size < limit / 2**30 for size in sizes), changes


LOADED = "performance.getEntriesByType('resource').some(entry => /PlotlyChart/.test(entry.name) && entry.responseEnd)"


def test_the_hints_stand_until_they_are_closed_and_figures_are_loaded_ahead(browser: Browser, address: str):
    context = browser.new_context()
    sheet = Sheet(context.new_page(), address).open()
    hints = sheet.page.locator(".guide")
    assert hints.is_visible()
    sheet.page.wait_for_function(LOADED, timeout=20_000)
    hints.get_by_role("button").first.click()
    assert not hints.is_visible()
    sheet.open()
    assert hints.count() == 1 and not hints.is_visible()
    context.close()


def test_the_hints_cover_no_picture_that_a_link_opens_and_little_of_a_phone(browser: Browser, address: str):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    phone = Sheet(context.new_page(), address).open()
    hints = phone.page.locator(".guide").bounding_box()
    assert hints and hints["height"] < 80 and hints["y"] + hints["height"] <= 844
    assert at(phone, TOO_LARGE).page.locator(".guide:visible").count() == 0
    context.close()


@pytest.mark.parametrize("engine", ["transformers", "vllm"])
def test_a_small_screen_shows_every_button_of_the_side_bar(sheet: Sheet, engine: str):
    page = at(sheet, f"engine={engine}").page
    page.set_viewport_size({"width": 1280, "height": 720})
    for name in ("Model", "Weight format", "Engine"):
        box = page.locator("[data-testid=stSidebar]").get_by_role("combobox", name=name).first.bounding_box()
        assert box and box["y"] >= 0
    for name in ("Copy link", "Reset", "Save and take along", "Stories"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box and box["y"] + box["height"] <= 720 and box["width"] >= 90 and box["height"] >= 36, (name, box)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_long_name_of_a_model_is_read_whole_in_the_side_bar(sheet: Sheet, width: int):
    page = at(sheet, "model=deepseek-r1-distill-qwen-1.5b").page
    page.set_viewport_size({"width": width, "height": 844})
    if width < 768:
        page.get_by_test_id("stExpandSidebarButton").click()
    group = page.locator(".st-key-model [role=group][data-whole]")
    group.wait_for()
    whole = group.get_attribute("data-whole")
    assert whole == "DeepSeek-R1 Distill Qwen 1.5B" == group.get_attribute("title")
    assert page.get_by_role("combobox", name="Model").first.input_value() == whole
    expect(page.locator(".st-key-device [role=group][data-whole]")).to_have_count(0)


FOCUSED = """() => {
  let e = document.activeElement; while (e.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
  const name = e.getAttribute('aria-label') || e.innerText || e.closest('[data-testid^=st]')?.innerText || e.tagName;
  const marks = []; let up = e;
  for (let i = 0; i < 4 && up; i++, up = up.parentElement) { const s = getComputedStyle(up); marks.push(s.outlineStyle !== 'none' && s.outlineWidth !== '0px' || s.boxShadow !== 'none' || ['rgb(25, 44, 148)'].includes(s.borderTopColor)); }
  return [name.trim().replace(/\\s+/g, ' '), marks.some(Boolean)];
}"""


def test_every_control_is_reached_by_tab_and_shows_that_it_has_the_focus(sheet: Sheet):
    page = at(sheet, "").page
    seen: dict[str, bool] = {}
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        name, marked = page.evaluate(FOCUSED)
        seen[name] = seen.get(name, True) and marked
    wanted = ("Trade-offs", "Model", "Device", "Weight format", "KV cache format", "Engine", "Attention, phase", "GiB", "Present",
              "Reset", "Copy link", "Save and take along", "Stories", "Context length", "Tokens", "Batch size", "Batch",
              "Against context", "Parts", "Save as PNG", "Save as SVG")  # fmt: skip
    missing = [control for control in wanted if not any(control.lower() in name.lower() for name in seen)]
    assert not missing, f"{missing} of {list(seen)}"
    assert [name for name, marked in seen.items() if not marked] == []
