"""What people do with the page, from its address to what they take home, each in a real browser."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
import yaml
from conftest import Sheet
from playwright.sync_api import Browser, BrowserContext, Download, Page
from pptx import Presentation

from memory_model import Scenario, estimate, fit

TOO_LARGE = "model=llama-3.1-70b&device=h100-sxm-80gb&context_length=131072"
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
STILL = ("conversation", "model")
"""Views without sliders."""
DRAWN = "e => Object.fromEntries(Object.entries(e.dataset).filter(([name]) => name.startsWith('drawn')))"
WORDLESS = """() => [
  ...[...document.querySelectorAll('svg[role=img], .track[role=img]')].filter(e => !e.getAttribute('aria-label')).map(e => e.outerHTML.slice(0, 90)),
  ...[...document.querySelectorAll('[data-testid=stPlotlyChart]')].filter(e => !e.getAttribute('aria-label')?.trim()).map(() => 'a figure'),
]"""


def visitor(browser: Browser) -> BrowserContext:
    """Somebody who has closed the hints, at 1280 × 720 with a clipboard."""
    found = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light", accept_downloads=True)
    found.grant_permissions(["clipboard-read", "clipboard-write"])
    found.add_init_script("localStorage.setItem('language model memory: guide seen', '1')")
    return found


@pytest.fixture(scope="module")
def regular(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor whose browser has loaded Streamlit's own scripts before; every page is a session of its own."""
    found = visitor(browser)
    yield found
    found.close()


@pytest.fixture
def context(regular: BrowserContext) -> Iterator[BrowserContext]:
    """The visitor without a page from an earlier test."""
    yield regular
    for page in regular.pages:
        page.close()


def opened(context: BrowserContext, address: str, query: str, view: str = "") -> Sheet:
    """A page at a view, once the server has said all it had to say."""
    sheet = Sheet(context.new_page(), address)
    return at(sheet, query, view)


def at(sheet: Sheet, query: str, view: str = "") -> Sheet:
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


def words(page: Page) -> str:
    """What the view says."""
    return page.locator("[data-testid=stMain]").inner_text().replace("\xa0", " ")


def drawn(page: Page) -> dict[str, str]:
    """What the live chart or the strip says that it shows; nothing where a view has neither."""
    found = page.locator("[data-drawn-context]")
    return found.first.evaluate(DRAWN) if found.count() else {}


def in_sight(page: Page, selector: str) -> str:
    """The words of an element that lies wholly in the window, and is not hidden under anything."""
    box, size = page.locator(selector).bounding_box(), page.viewport_size
    assert box and size and box["y"] >= 0 and box["y"] + box["height"] <= size["height"], f"{selector} is out of sight"
    seen = "([s, x, y]) => document.querySelector(s).contains(document.elementFromPoint(x, y))"
    assert page.evaluate(seen, [selector, box["x"] + 20, box["y"] + box["height"] / 2]), f"{selector} is covered"
    return page.locator(selector).inner_text().replace("\xa0", " ")


def test_why_a_70b_model_does_not_fit_is_said_at_once_with_three_changes(context: BrowserContext, address: str):
    page = opened(context, address, TOO_LARGE).page
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


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720)])
@pytest.mark.parametrize("story", ["", "&story=why-so-much-memory&story_step=7"])
def test_a_room_sees_verdict_bars_and_axis_without_scrolling(
    context: BrowserContext, address: str, size: tuple[int, int], story: str
):
    sheet = opened(context, address, f"present=true{story or '&' + TOO_LARGE}")
    sheet.page.set_viewport_size({"width": size[0], "height": size[1]})
    sheet.settle()
    main = "document.querySelector('[data-testid=stMain]')"
    sheet.page.wait_for_function(f"{main}.scrollHeight <= {main}.clientHeight + 1", timeout=5000)
    in_sight(sheet.page, "[data-card=verdict]")
    bars, verdict = (sheet.page.locator(name).bounding_box() for name in ("svg.bars", "[data-card=verdict]"))
    assert bars and verdict and bars["y"] + bars["height"] <= size[1] and bars["height"] >= 0.38 * size[1]
    leave = sheet.page.get_by_role("button", name="Leave the presentation").bounding_box()
    under = "([x, y]) => document.elementFromPoint(x, y).closest('.st-key-leave') !== null"
    assert leave and sheet.page.evaluate(under, [leave["x"] + 9, leave["y"] + 9]) and leave["y"] < verdict["y"]


@pytest.mark.parametrize(
    ("size", "views"),
    [((1920, 1080), ("hardware", "levers", "trade-offs", "numbers")), ((1280, 720), ("hardware", "conversation"))],
)
def test_a_room_sees_the_whole_of_every_view_in_large_letters(
    context: BrowserContext, address: str, size: tuple[int, int], views: tuple[str, ...]
):
    main, plots = "document.querySelector('[data-testid=stMain]')", "[...document.querySelectorAll('.js-plotly-plot')]"
    whole = f"{main}.scrollHeight <= {main}.clientHeight + 1"
    inside = f"{plots}.every(plot => plot.getBoundingClientRect().bottom <= innerHeight)"
    large = f"{plots}.every(plot => plot.layout?.font.size >= 0.013 * innerHeight)"
    page = context.new_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for view in views:
        page.goto(f"{address}{view}?present=true&{TOO_LARGE}")
        if view != "numbers":
            page.wait_for_selector(".js-plotly-plot .main-svg", timeout=20_000)
        page.wait_for_function(f"{whole} && {inside} && {large}", timeout=15_000)
        assert not page.locator("[data-testid=stMain] [class*=st-key-csv_]").count()
    page.close()


def test_a_room_is_shown_a_whole_story_by_keys_alone(context: BrowserContext, address: str):
    sheet = opened(context, address, "present=true&story=from-training-to-a-phone", "numbers")
    page, told, views = sheet.page, [], []

    def step(key: str, place: str) -> None:
        page.keyboard.press(key)
        page.locator(".story-place", has_text=place).wait_for(timeout=20_000)
        rest(sheet)

    def said() -> str:
        views.append(page.url.split("?")[0].rpartition("/")[2])
        return page.locator(".story-say").inner_text()

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


@pytest.mark.parametrize("view", VIEWS)
def test_a_link_opens_the_same_picture_and_no_view_is_wider_than_a_phone(
    context: BrowserContext, browser: Browser, address: str, view: str
):
    sheet = opened(context, address, VIEWS[view], view)
    page = sheet.page
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("Link copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert "link:" not in words(page), "a part of the link was refused"
    other = visitor(browser) if view == "" else context
    path, _, query = link.removeprefix(address).partition("?")
    again = opened(other, address, query, path)
    assert len(link) < 2000 and path == view
    assert drawn(again.page) == drawn(page) and words(again.page) == words(page)
    again.page.set_viewport_size({"width": 390, "height": 844})
    again.settle()
    assert again.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert again.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    assert again.page.evaluate(WORDLESS) == []
    has_verdict = view not in (*STILL, "compare")
    assert (again.page.locator("[role=status][data-card=verdict]").count() == 1) == has_verdict
    assert [error for error in again.errors if NOT_FOUND not in error] == []
    if other is not context:
        other.close()


def test_a_story_of_two_steps_is_recorded_and_played(context: BrowserContext, address: str):
    sheet = opened(context, address, "model=gpt2&context_length=512")
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


def test_everything_that_can_be_taken_along_is_a_valid_file(context: BrowserContext, address: str, tmp_path: Path):
    sheet = opened(context, address, "model=gpt2-xl&context_length=700")
    page, total = sheet.page, int(estimate(Scenario("gpt2-xl", device="h100-sxm-80gb", context_length=700)).bytes)

    def taken(name: str, key: str = "") -> bytes:
        with page.expect_download() as waiting:
            (page.locator(f".st-key-{key} button") if key else page.get_by_role("button", name=name)).first.click()
        return content(waiting.value)

    assert taken("Save as PNG").startswith(b"\x89PNG")
    assert b"<svg" in taken("Save as SVG")
    page.get_by_role("button", name="Save and take along").click()
    assert any(shape.has_chart for shape in Presentation(io.BytesIO(taken("PowerPoint slide"))).slides[0].shapes)
    book = openpyxl.load_workbook(io.BytesIO(taken("Excel workbook")))
    assert {row[0].value: row[1].value for row in book["Bytes"].iter_rows()}["Total"] == total
    alone = tmp_path / "memory.html"
    alone.write_bytes(taken("Live chart as a page"))
    offline = context.new_page()
    offline.goto(alone.as_uri())
    assert int(offline.locator("[data-drawn-total]").get_attribute("data-drawn-total") or 0) == total
    offline.close()
    scenario = taken("Scenario file")
    assert yaml.safe_load(scenario)["model"] == "gpt2-xl"
    box = page.get_by_placeholder("Name").or_(page.locator(".saved input")).first
    box.fill("for Monday")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved for Monday").wait_for()
    at(sheet, "model=gpt2")
    page.get_by_role("button", name="Save and take along").click()
    file = {"name": "mine.yaml", "mimeType": "application/yaml", "buffer": scenario}
    page.locator("[role=dialog] input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Show this scenario").click()
    page.wait_for_selector(f"[data-drawn-total='{total}']")
    rest(at(sheet, "model=gpt2", "levers"))
    page.get_by_role("button", name="Save and take along").click()
    page.get_by_role("link", name="for Monday").click()
    page.wait_for_selector(f".memory-live[data-of=view][data-drawn-total='{total}']")
    rest(at(sheet, "model=gpt2-xl&context_length=700", "trade-offs"))
    rows = list(csv.reader(io.StringIO(taken("CSV").decode("utf-8-sig"))))
    assert len(rows) > 2 and len({len(row) for row in rows}) == 1
    assert taken("PNG").startswith(b"\x89PNG") and b"<svg" in taken("SVG")


def test_what_was_saved_in_a_view_opens_in_that_view_again(context: BrowserContext, address: str):
    state = "model=gpt2-xl&context_length=700&unit=GB&trade_offs_section=longest&trade_offs_vary=formats"
    sheet = opened(context, address, state, "trade-offs")
    page = sheet.page
    page.get_by_role("button", name="Save and take along").click()
    page.locator(".saved input").first.fill("formats")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved formats").wait_for()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Scenario file").first.click()
    scenario = content(waiting.value)
    shown = "Longest context against batch size"

    at(sheet, "model=gpt2")
    page.get_by_role("button", name="Save and take along").click()
    page.get_by_role("link", name="formats").click()
    page.wait_for_url("**/trade-offs?**")
    page.get_by_role("heading", name=shown).wait_for()
    assert all(part in page.url for part in state.split("&"))

    at(sheet, "model=gpt2", "hardware")
    page.get_by_role("button", name="Save and take along").click()
    file = {"name": "mine.yaml", "mimeType": "application/yaml", "buffer": scenario}
    page.locator("[role=dialog] input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Show this scenario").click()
    page.wait_for_url("**/trade-offs?**")
    page.get_by_role("heading", name=shown).wait_for()
    rest(sheet)
    assert all(part in page.url for part in state.split("&"))


def content(download: Download) -> bytes:
    return Path(download.path()).read_bytes()


@pytest.mark.parametrize("engine", ["transformers", "vllm"])
def test_a_small_screen_shows_every_button_of_the_side_bar(context: BrowserContext, address: str, engine: str):
    page = opened(context, address, f"engine={engine}").page
    page.set_viewport_size({"width": 1280, "height": 720})
    for name in ("Model", "Weight format", "Engine"):
        box = page.locator("[data-testid=stSidebar]").get_by_role("combobox", name=name).first.bounding_box()
        assert box and box["y"] >= 0
    for name in ("Copy link", "Reset", "Save and take along", "Stories"):
        box = page.get_by_role("button", name=name).bounding_box()
        assert box and box["y"] + box["height"] <= 720 and box["width"] >= 90 and box["height"] >= 36, (name, box)


FOCUSED = """() => {
  let e = document.activeElement; while (e.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
  const name = e.getAttribute('aria-label') || e.innerText || e.closest('[data-testid^=st]')?.innerText || e.tagName;
  const marks = []; let up = e;
  for (let i = 0; i < 4 && up; i++, up = up.parentElement) { const s = getComputedStyle(up); marks.push(s.outlineStyle !== 'none' && s.outlineWidth !== '0px' || s.boxShadow !== 'none' || ['rgb(25, 44, 148)'].includes(s.borderTopColor)); }
  return [name.trim().replace(/\\s+/g, ' '), marks.some(Boolean)];
}"""


def test_every_control_is_reached_by_tab_and_shows_that_it_has_the_focus(context: BrowserContext, address: str):
    page = opened(context, address, "").page
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
