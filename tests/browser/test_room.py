"""What a room sees: all of a view in large letters, and stories told by keys alone, ready ones and one recorded here."""

from __future__ import annotations

import pytest
from conftest import Sheet
from opened_page import TOO_LARGE, at, box, in_sight, rest

SIZES = ((1920, 1080), (1280, 720))


@pytest.mark.parametrize("story", ["", "&story=why-so-much-memory&story_step=7"])
def test_a_room_sees_verdict_bars_and_axis_without_scrolling(sheet: Sheet, story: str):
    page = at(sheet, f"present=true{story or '&' + TOO_LARGE}").page
    main = "document.querySelector('[data-testid=stMain]')"
    under = "([x, y]) => document.elementFromPoint(x, y).closest('.st-key-leave') !== null"
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        sheet.settle()
        page.wait_for_function(f"{main}.scrollHeight <= {main}.clientHeight + 1", timeout=5000)
        in_sight(page, "[data-card=verdict]")
        bars, verdict, leave = (box(page, name) for name in ("svg.bars", "[data-card=verdict]", ".st-key-leave button"))
        assert bars["bottom"] <= height and bars["height"] >= 0.38 * height
        assert page.evaluate(under, [leave["x"] + 9, leave["y"] + 9]) and leave["y"] < verdict["y"]


@pytest.mark.parametrize("view", ["hardware", "levers", "trade-offs", "numbers", "conversation"])
def test_a_room_sees_the_whole_of_every_view_in_large_letters(sheet: Sheet, view: str):
    main, plots = "document.querySelector('[data-testid=stMain]')", "[...document.querySelectorAll('.js-plotly-plot')]"
    whole = f"{main}.scrollHeight <= {main}.clientHeight + 1"
    inside = f"{plots}.every(plot => plot.getBoundingClientRect().bottom <= innerHeight)"
    large = f"{plots}.every(plot => plot.layout?.font.size >= 0.016 * innerHeight)"
    page = sheet.page
    page.goto(f"{sheet.address}{view}?present=true&{TOO_LARGE}")
    if view != "numbers":
        page.wait_for_selector(".js-plotly-plot .main-svg", timeout=20_000)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_function(f"{whole} && {inside} && {large}", timeout=15_000)
    assert not page.locator("[data-testid=stMain] [class*=st-key-csv_]").count()


def test_a_room_is_shown_a_whole_story_by_keys_alone(sheet: Sheet):
    at(sheet, "present=true&story=from-training-to-a-phone", "numbers")
    page, told, views = sheet.page, [], []

    def step(key: str, place: str) -> None:
        page.keyboard.press(key)
        page.locator(".story-place", has_text=place).wait_for(timeout=20_000)
        rest(sheet)

    def said() -> str:
        views.append(page.url.split("?")[0].rpartition("/")[2])
        return page.locator(".story-say").inner_text()

    assert page.locator(".story-say[aria-live=polite]").count() == 1, "read where it stands, and spoken at each step"
    told.append(said())
    for place in range(2, 7):
        step("PageDown", f"{place} of 6")
        told.append(said())
    assert len(set(told)) == 6 and len(set(views)) == 3 and not any("$" in sentence for sentence in told)
    step("PageUp", "5 of 6")
    assert said() == told[4]
    step("ArrowLeft", "4 of 6")
    step("ArrowRight", "5 of 6")
    before = sheet.drawn()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.st-key-context_stop input')"):
            break
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"document.querySelector('[data-drawn-context]').dataset.drawnContext > {before}")
    sheet.settle()
    step("PageDown", "6 of 6")
    page.keyboard.press("Escape")
    page.wait_for_selector("[data-testid=stHeader]", state="visible")
    assert "present=" not in page.url


def test_a_story_of_two_steps_is_recorded_and_played(sheet: Sheet):
    at(sheet, "model=gpt2&context_length=512")
    page = sheet.page

    def record(title: str, sentence: str) -> None:
        page.get_by_role("button", name="Stories").click()
        page.get_by_role("tab", name="Record").click()
        page.get_by_label("Title").fill(title)
        page.get_by_label("Sentence").fill(sentence)
        page.get_by_label("Sentence").blur()
        sheet.settle()
        page.get_by_role("button", name="Add this page as a step").click()
        page.get_by_role("dialog").get_by_text(title, exact=True).wait_for()
        sheet.settle()

    record("Small", "It holds $tokens.")
    page.keyboard.press("Escape")
    box = page.locator(".st-key-context_length input")
    box.fill("1000")
    box.press("Enter")
    sheet.settle()
    record("Larger", "Now it holds $tokens.")
    page.locator(".st-key-play_recorded button").click()
    page.locator(".story-place", has_text="1 of 2").wait_for()
    sheet.settle()
    assert page.locator(".story-say").inner_text() == "It holds 512 tokens." and sheet.drawn() == 512
    page.keyboard.press("PageDown")
    page.locator(".story-place", has_text="2 of 2").wait_for()
    sheet.settle()
    assert page.locator(".story-say").inner_text() == "Now it holds 1,000 tokens." and sheet.drawn() == 1000
