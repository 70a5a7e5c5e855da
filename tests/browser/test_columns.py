"""What only a browser can show of strips, levers, parts, reserved memory and comparisons: they follow, and say what Python says."""

from __future__ import annotations

import random
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from conftest import Sheet
from opened_page import box, in_sight
from test_live import drag

from dashboard.live.drawing import configuration
from dashboard.live.lever_columns import lever_columns
from memory_model import Scenario, estimate, resolve
from memory_model.estimate import breakdown

H100 = "h100-sxm-80gb"
VIEWS_WITH_SLIDERS = ("trade-offs", "levers", "numbers", "compare")


def open_view(sheet: Sheet, path: str, query: str = "") -> Sheet:
    sheet.page.goto(f"{sheet.address}{path}?{query}")
    sheet.page.wait_for_selector("[data-drawn-context]", timeout=30_000)
    return sheet.settle()


def totals(sheet: Sheet) -> list[int]:
    drawn = sheet.page.locator("[data-drawn-totals]").get_attribute("data-drawn-totals") or ""
    return [int(total) for total in drawn.split()]


@pytest.mark.parametrize("view", VIEWS_WITH_SLIDERS)
def test_the_verdict_follows_the_thumb_in_every_view_with_sliders_also_when_scrolled(sheet: Sheet, view: str):
    open_view(sheet, view)
    sheet.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo({ top: 1e6, behavior: 'instant' })")
    if view != "compare":
        assert in_sight(sheet.page, "[data-card=verdict]")
    seen = drag(sheet, "context_stop", 0.9, steps=25)
    assert len({context for context, _, _ in seen}) >= 15
    for context, batch, total in random.Random(2).sample(seen, 5):
        asked = Scenario("llama-3.1-8b", device=H100, context_length=context, batch_size=batch)
        assert total == estimate(asked).bytes
    held = sheet.drawn()
    sheet.page.mouse.up()
    sheet.settle()
    assert sheet.drawn() == held and f"context_length={held}" in sheet.page.url


def test_the_strip_holds_its_words_on_a_phone(sheet: Sheet):
    sheet.page.set_viewport_size({"width": 390, "height": 844})
    open_view(sheet, "levers", "model=qwen3-30b-a3b&engine=llama.cpp&device=rtx-4090&context_length=32768")
    assert "of host" in sheet.page.locator(".strip").inner_text()
    edge = box(sheet.page, ".strip")["right"]
    assert all(box(sheet.page, f".strip > {part}")["right"] < edge for part in (".value", ".verdict", ".track"))


def test_the_strip_names_a_part_beside_the_mark_that_crosses_it(sheet: Sheet):
    open_view(sheet, "levers", "model=gpt-oss-120b&engine=vllm&context_length=65536&batch_size=16")
    piece, mark = box(sheet.page, ".track i[data-component=kv_cache]"), box(sheet.page, ".track b")
    name, size = (
        box(sheet.page, f".track i[data-component=kv_cache] span{which}") for which in (":first-child", ".size")
    )
    assert piece["left"] < mark["left"] and mark["right"] <= name["left"] < size["right"] < piece["right"]


def test_on_a_phone_the_bars_are_in_sight_while_a_finger_is_on_the_slider(sheet: Sheet):
    sheet.page.set_viewport_size({"width": 390, "height": 844})
    sheet.open("model=llama-3.1-70b&context_length=131072")
    assert box(sheet.page, "svg.bars")["bottom"] < 844 < box(sheet.page, ".advice")["top"]


@pytest.mark.parametrize("width", [360, 390])
def test_on_a_phone_the_name_of_a_slider_is_two_lines_at_most(sheet: Sheet, width: int):
    sheet.page.set_viewport_size({"width": width, "height": 844})
    sheet.open("model=llama-4-scout-17b-16e-instruct")
    name = sheet.page.locator(".st-key-context_stop [data-testid=stWidgetLabel] p")
    assert "10,485,760" in name.inner_text()
    lines = name.evaluate("e => e.getBoundingClientRect().height / parseFloat(getComputedStyle(e).lineHeight)")
    assert lines < 2.5


def test_a_view_without_a_use_for_them_has_no_sliders_and_keeps_their_state(sheet: Sheet):
    open_view(sheet, "", "context_length=5000&batch_size=3")
    sheet.page.get_by_role("link", name="Model", exact=True).click()
    sheet.page.get_by_text("Search the presets").wait_for()
    sheet.settle()
    assert sheet.slider().count() == 0 and sheet.page.locator("[data-drawn-context]").count() == 0
    sheet.page.get_by_role("link", name="Memory", exact=True).click()
    sheet.page.wait_for_selector("[data-drawn-context='5000'][data-drawn-batch='3']")
    sheet.settle()
    assert "context_length=5000" in sheet.page.url


@pytest.mark.parametrize(
    ("bars", "slider"), [("batch", "context_stop"), ("batch", "batch_stop"), ("levers", "batch_stop")]
)
def test_every_kind_of_bars_follows_both_sliders(sheet: Sheet, bars: str, slider: str):
    sheet.open(f"memory_bars={bars}&context_length=20000&batch_size=2")
    seen = drag(sheet, slider, 0.7, steps=15)
    assert len({(context, batch) for context, batch, _ in seen}) >= 5
    for context, batch, total in random.Random(3).sample(seen, min(5, len(seen))):
        asked = Scenario("llama-3.1-8b", device=H100, context_length=context, batch_size=batch)
        assert total == estimate(asked).bytes
    sheet.page.mouse.up()
    assert not sheet.errors


def states(count: int) -> list[dict[str, str | int]]:
    chance = random.Random(11)
    return [
        {
            "model": chance.choice(["llama-3.1-8b", "gemma-3-27b-it", "deepseek-r1", "gpt-oss-20b"]),
            "engine": chance.choice(["transformers", "vllm"]),
            "context_length": int(2 ** chance.uniform(4, 18)),
            "batch_size": int(2 ** chance.uniform(0, 8)),
            "device": chance.choice([H100, "mi300x", "none"]),
        }
        for _ in range(count)
    ]


@pytest.mark.parametrize("keys", states(2), ids=str)
def test_levers_as_bars_say_what_python_says(sheet: Sheet, keys: dict[str, str | int]):
    sheet.open(urlencode(keys | {"memory_bars": "levers"}))
    scenario = Scenario(**keys)  # type: ignore[arg-type]
    at = {"context_length": scenario.context_length, "batch_size": scenario.batch_size}
    columns = [
        replace(column, scenario=replace(column.scenario, **at)) for column in lever_columns(configuration(scenario))
    ]
    assert totals(sheet) == [int(breakdown(column.deployed()).bytes) for column in columns]


@pytest.mark.parametrize("keys", states(2), ids=str)
def test_parts_add_up_to_what_python_says(sheet: Sheet, keys: dict[str, str | int]):
    sheet.open(urlencode(keys | {"memory_parts": "true"}))
    memory = estimate(Scenario(**keys))  # type: ignore[arg-type]
    assert sheet.drawn("total") == memory.bytes
    named = sheet.page.evaluate(
        "[...new Set([...document.querySelectorAll('[data-segment]')].map(e => e.dataset.segment))]"
    )
    assert {name for name in named if name.startswith("weights/")} == {
        f"weights/{term.part or term.label}" for term in memory["weights"].terms
    }


def test_reserved_memory_is_a_hatch_of_its_size_and_never_solid(sheet: Sheet):
    sheet.open("engine=vllm&context_length=32768")
    deployment = resolve(Scenario("llama-3.1-8b", engine="vllm", device=H100, context_length=32_768))
    reserved, total = int(deployment.engine.reserved(deployment)), int(breakdown(deployment).bytes)  # type: ignore[arg-type]
    last = sheet.page.locator("rect[data-reserved='11']")
    assert "reserved-hatch" in last.evaluate("e => getComputedStyle(e).fill")
    solid = sheet.page.evaluate(
        "[...document.querySelectorAll('rect[data-component]')].filter(e => e.style.display !== 'none').map(e => [+e.getAttribute('x'), +e.getAttribute('height')])"
    )
    right = max(x for x, _ in solid)
    stack = sum(height for x, height in solid if x == right)
    assert float(last.get_attribute("height") or 0) / stack == pytest.approx(reserved / total, rel=0.03)
    assert "Available KV cache memory" in (last.locator("title").text_content() or "")
    sheet.open("engine=transformers")
    assert sheet.page.locator("rect.reserved:visible").count() == 0


def test_a_link_reopens_a_comparison(sheet: Sheet):
    query = urlencode({"compare_1": "Small~weights~awq-int4", "compare_2": "Large~model~llama-3.1-70b~device~b200-sxm"})
    open_view(sheet, "compare", query + "&context_length=30000")
    at = {"context_length": 30_000}
    scenarios = [
        Scenario("llama-3.1-8b", device=H100, **at),
        Scenario("llama-3.1-8b", device=H100, weights="awq-int4", **at),
        Scenario("llama-3.1-70b", device="b200-sxm", **at),
    ]
    assert totals(sheet) == [estimate(scenario).bytes for scenario in scenarios]
    assert sheet.page.locator("line.capacity:not([style*=none])").count() == 3  # each on its own device
    sheet.page.get_by_role("button", name="Add what is shown now").click()
    sheet.settle()
    assert "compare_3=" in sheet.page.url and len(totals(sheet)) == 3
    sheet.page.locator(".st-key-remove_compare_1 button").click()
    sheet.settle()
    assert "Small" not in sheet.page.url and totals(sheet)[0] == estimate(scenarios[2]).bytes


def test_a_mode_that_changes_leaves_no_blank_behind(sheet: Sheet):
    sheet.open()
    sheet.page.evaluate("""() => {
      globalThis.blank = 0;
      const look = () => { if (!document.querySelector('.memory-live svg.bars rect[height]')) blank++; requestAnimationFrame(look); };
      requestAnimationFrame(look);
    }""")
    for label in ("Levers", "Against batch size", "Against context"):
        sheet.page.locator(".st-key-memory_bars").get_by_text(label).click()
        sheet.settle()
    assert sheet.page.locator("[data-calm=true]").count() == 1  # what the server sends is moved to, not jumped to
    assert sheet.page.evaluate("blank") == 0 and sheet.page.evaluate("memoryLive.views.size") == 1
    assert not sheet.errors
