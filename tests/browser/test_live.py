"""What only a browser can show: the chart follows the sliders while they are dragged, and says what Python says."""

from __future__ import annotations

import random
import re
from urllib.parse import urlencode

import pytest
from conftest import Sheet
from opened_page import box
from playwright.sync_api import Browser, expect

from dashboard.theme import BACKGROUND, STACK
from dashboard.wording import amount
from memory_model import Scenario, estimate, fit

WATCH = """() => {
  globalThis.seen = [];
  const root = document.querySelector('[data-drawn-context]');
  new MutationObserver(() => seen.push([+root.dataset.drawnContext, +root.dataset.drawnBatch, root.dataset.drawnTotal]))
    .observe(root, {attributes: true, attributeFilter: ['data-drawn-context', 'data-drawn-batch', 'data-drawn-total']});
}"""


FOLLOWED = """key => {
  const said = document.querySelector(`.st-key-${key} input[type=range]`).getAttribute('aria-valuetext').replace(/\\D/g, '');
  return [...document.querySelectorAll('[data-drawn-context]')].some(e => [e.dataset.drawnContext, e.dataset.drawnBatch].includes(said));
}"""


def drag(sheet: Sheet, key: str, to: float, steps: int = 30) -> list[tuple[int, int, int]]:
    """Drag a slider to a share of its width, still holding it; the states that were drawn on the way."""
    page = sheet.page
    page.evaluate(WATCH)
    thumb = sheet.thumb(key)
    track = page.locator(f".st-key-{key}").bounding_box()
    assert track
    start, y = thumb
    end = track["x"] + 8 + (track["width"] - 16) * to
    page.mouse.move(start, y)
    page.mouse.down()
    before = sheet.received
    for step in range(1, steps + 1):
        page.mouse.move(start + (end - start) * step / steps, y)
        page.wait_for_timeout(16)
    assert sheet.received == before, "the server was asked while the slider was held"
    page.wait_for_function(FOLLOWED, arg=key, timeout=5000)
    return [(int(context), int(batch), int(total)) for context, batch, total in page.evaluate("seen")]


def of_python(context: int, batch: int, **keys: str | int) -> int:
    return int(
        estimate(
            Scenario(
                **({"model": "llama-3.1-8b", "device": "h100-sxm-80gb"} | keys),
                context_length=context,
                batch_size=batch,
            )
        ).bytes
    )


def test_the_bars_follow_the_context_slider_before_it_is_released(sheet: Sheet):
    sheet.open()
    seen = drag(sheet, "context_stop", 0.95)
    assert len({context for context, _, _ in seen}) >= 20
    assert all(total == of_python(context, batch) for context, batch, total in random.Random(1).sample(seen, 8))
    held = sheet.drawn()
    sheet.page.mouse.up()
    sheet.settle()
    assert sheet.drawn() == held and f"context_length={held}" in sheet.page.url
    assert not sheet.errors


def test_the_bars_follow_the_batch_slider_before_it_is_released(sheet: Sheet):
    sheet.open("model=gemma-3-27b-it&context_length=30000&device=h200-sxm")
    seen = drag(sheet, "batch_stop", 0.9)
    assert len({batch for _, batch, _ in seen}) >= 10
    assert all(
        total == of_python(context, batch, model="gemma-3-27b-it", device="h200-sxm") for context, batch, total in seen
    )
    assert {context for context, _, _ in seen} == {30_000}
    sheet.page.mouse.up()
    sheet.settle()
    assert f"batch_size={sheet.drawn('batch')}" in sheet.page.url


def test_no_state_is_drawn_that_was_never_asked_for(sheet: Sheet):
    """A release and the server's answer to it never throw the chart back to an earlier state."""
    sheet.open()
    drag(sheet, "context_stop", 0.9, steps=12)
    sheet.page.evaluate("seen.length = 0")
    held = sheet.drawn()
    sheet.page.mouse.up()
    sheet.settle()
    assert {context for context, _, _ in sheet.page.evaluate("seen")} <= {held}


def scenarios(count: int) -> list[dict[str, str | int]]:
    chance = random.Random(7)
    models = ["llama-3.1-8b", "llama-3.1-70b", "deepseek-r1", "gemma-3-27b-it", "qwen3-30b-a3b", "gpt2"]
    return [
        {
            "model": chance.choice(models), "weights": chance.choice(["published", "bf16", "awq-int4"]), "kv_cache": chance.choice(["bf16", "fp8"]),
            "phase": chance.choice(["peak", "prefill", "decode"]), "attention": chance.choice(["sdpa", "eager"]),
            "context_length": int(2 ** chance.uniform(0, 20)), "batch_size": int(2 ** chance.uniform(0, 11)), "device": chance.choice(["none", "mi300x", "rtx-4090"]),
        }
        for _ in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "keys", scenarios(8), ids=lambda keys: f"{keys['model']}-{keys['context_length']}-{keys['batch_size']}"
)
def test_the_browser_says_what_python_says(sheet: Sheet, keys: dict[str, str | int]):
    sheet.open(urlencode(keys))
    scenario = Scenario(**keys)  # type: ignore[arg-type]
    memory = estimate(scenario)
    assert (sheet.drawn(), sheet.drawn("batch"), sheet.drawn("total")) == (
        scenario.context_length,
        scenario.batch_size,
        memory.bytes,
    )
    assert card(sheet, "total") == amount(int(memory.bytes), "GiB")
    if keys["device"] == "none":
        assert card(sheet, "verdict") == "no device chosen"
    else:
        answer = fit(scenario)
        free = amount(abs(answer.headroom), "GiB")
        assert card(sheet, "verdict") == (f"✓ fits, {free} free" if answer.fits else f"✗ over by {free}")
        assert card(sheet, "longest").replace(",", "").split()[0] == (
            str(answer.max_context_length) if answer.max_context_length else "none"
        )
        assert card(sheet, "largest").replace(",", "").split()[0] == (
            str(answer.max_batch_size) if answer.max_batch_size else "none"
        )
    assert not sheet.errors


@pytest.mark.parametrize(
    "query",
    [
        "context_length=1",
        "context_length=1073741824&batch_size=1048576",
        "model=gpt2&device=b300-sxm&batch_size=1&context_length=300",
    ],
)
def test_the_ends_of_the_scale_are_drawn(sheet: Sheet, query: str):
    sheet.open(query)
    assert sheet.drawn("total") > 0 and not sheet.errors
    assert "named when the slider rests" not in sheet.page.locator(".memory-live .advice").inner_text()
    assert sheet.page.locator("svg.bars").evaluate(
        "e => ![...e.querySelectorAll('*')].some(x => /NaN|Infinity/.test(x.outerHTML))"
    )


def card(sheet: Sheet, name: str) -> str:
    return sheet.page.locator(f"[data-card={name}]").inner_text().replace("\xa0", " ")


def test_the_keyboard_is_enough(sheet: Sheet):
    sheet.open()
    sheet.slider().focus()
    for _ in range(5):
        sheet.page.keyboard.press("ArrowRight")
        sheet.page.wait_for_timeout(40)
    drawn = sheet.drawn()
    assert drawn > 8192
    sheet.settle()
    assert sheet.drawn() == drawn and sheet.drawn("total") == of_python(drawn, 1)
    sheet.page.keyboard.press("Home")
    sheet.settle()
    assert sheet.drawn() == 256


def test_bytes_of_several_gpus_are_said_to_be_of_each(sheet: Sheet):
    sheet.open("model=llama-3.1-70b&engine=vllm&tensor_parallel=4")
    assert "On each of 4 GPUs Llama 3.1 70B in bf16 needs 32.9" in sheet.page.locator(".memory-live").inner_text()
    assert sheet.drawn("total") == of_python(8192, 1, model="llama-3.1-70b", engine="vllm", tensor_parallel=4)


def test_a_typed_number_is_drawn_and_can_be_dragged_away_from(sheet: Sheet):
    sheet.open()
    box = sheet.page.locator(".st-key-context_length input")
    box.fill("100001")
    box.press("Enter")
    sheet.page.wait_for_selector("[data-drawn-context='100001']")
    sheet.settle()
    assert sheet.drawn("total") == of_python(100_001, 1)
    seen = drag(sheet, "context_stop", 0.2)
    sheet.page.mouse.up()
    assert all(total == of_python(context, batch) for context, batch, total in seen)


def test_choosing_another_model_redraws(sheet: Sheet):
    sheet.open("unit=GB")
    sheet.page.locator(".st-key-model input").fill("GPT-2 XL")  # the list draws only what is in sight
    sheet.page.get_by_role("option", name="GPT-2 XL").click()
    sheet.settle()
    assert sheet.drawn("total") == of_python(8192, 1, model="gpt2-xl")
    assert "model=gpt2-xl" in sheet.page.url and "GB" in card(sheet, "total")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_palettes(sheet: Sheet, scheme: str):
    sheet.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    sheet.open("context_length=131072&batch_size=4")
    for part in STACK:
        assert sheet.page.locator(f"rect[data-component={part.name}]").first.get_attribute("fill") == getattr(
            part, scheme
        )
    back = sheet.page.locator("[data-testid=stApp]").evaluate("element => getComputedStyle(element).backgroundColor")
    assert back == f"rgb({', '.join(str(int(BACKGROUND[scheme][i : i + 2], 16)) for i in (1, 3, 5))})"


def test_a_theme_that_changes_needs_no_answer_from_the_server(sheet: Sheet):
    sheet.open("context_length=131072")
    sheet.page.emulate_media(color_scheme="dark")
    sheet.page.wait_for_selector(f"rect[data-component=weights][fill='{STACK[0].dark}']")
    assert sheet.page.evaluate("memoryLive.views.size") == 1


def test_on_a_phone_the_sliders_stay_beside_the_bars_that_follow_them(browser: Browser, address: str):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, device_scale_factor=2
    )
    sheet = Sheet(context.new_page(), address).open("context_length=131072&batch_size=4")
    wide = "() => [document.documentElement, ...document.querySelectorAll('.memory-live, .memory-live svg')].map(e => Math.ceil(e.getBoundingClientRect().right))"
    assert max(sheet.page.evaluate(wide)) <= 391
    assert sheet.page.evaluate("document.documentElement.scrollWidth") <= 390
    sheet.page.evaluate("document.querySelector('svg.bars').scrollIntoView({ block: 'end' })")
    x, y = sheet.thumb("context_stop")
    controls, bars = box(sheet.page, ".st-key-workload"), box(sheet.page, "svg.bars")
    assert 0 <= controls["top"] < y < controls["bottom"] <= bars["top"] and bars["bottom"] < 845
    finger = context.new_cdp_session(sheet.page)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(10):
        finger.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x - 12 * step, "y": y}]})
        sheet.page.wait_for_timeout(20)
    sheet.page.wait_for_function(
        "+document.querySelector('[data-drawn-context]').dataset.drawnContext < 131072", timeout=5000
    )
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    sheet.settle()
    sheet.page.get_by_test_id("stExpandSidebarButton").tap()
    sheet.page.get_by_role("link", name="Model", exact=True).tap()
    sheet.page.wait_for_selector("[data-testid=stSidebar][data-collapsed=true]", state="attached")
    context.close()


def test_views_do_not_leak_and_nothing_is_asked_elsewhere(sheet: Sheet):
    sheet.open("batch_size=3")
    for name in ("Trade-offs", "Compare", "Numbers", "Model", "Memory"):
        sheet.page.get_by_role("link", name=name, exact=True).click()
        sheet.settle()
    sheet.page.wait_for_selector("[data-drawn-context]")
    assert sheet.drawn("batch") == 3 and "batch_size=3" in sheet.page.url
    assert sheet.page.evaluate("memoryLive.views.size") == 1
    assert not sheet.elsewhere and not [error for error in sheet.errors if "404" not in error]


def test_back_returns_to_the_state_before(sheet: Sheet):
    sheet.open("batch_size=3")
    box = sheet.page.locator(".st-key-batch_size input")
    box.fill("9")
    box.press("Enter")
    sheet.page.wait_for_selector("[data-drawn-batch='9']")
    sheet.settle()
    sheet.page.go_back()
    sheet.page.wait_for_selector("[data-drawn-batch='3']")


def test_pictures_and_the_link(sheet: Sheet):
    sheet.open("context_length=131072&batch_size=4")
    for button, start in (("Save as SVG", b"<svg"), ("Save as PNG", b"\x89PNG")):
        with sheet.page.expect_download() as download:
            sheet.page.get_by_role("button", name=button).click()
        assert download.value.path().read_bytes().startswith(start)
    sheet.page.get_by_role("button", name="Copy link").click()
    sheet.page.get_by_text("Link copied").wait_for()
    link = sheet.page.evaluate("navigator.clipboard.readText()")
    assert "context_length=131072" in link and "model=llama-3.1-8b" in link and "kv_cache=bf16" in link
    sheet.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('closed')); }")
    sheet.page.get_by_role("button", name="Copy link").click()
    assert sheet.page.get_by_label("Link to this page").input_value() == link


SPOKEN = """() => {
  globalThis.spoken = [];
  const heard = document.querySelector('.memory-heard');
  new MutationObserver(() => spoken.push(heard.textContent)).observe(heard, { childList: true, characterData: true, subtree: true });
}"""


def test_the_verdict_is_announced_once_the_slider_rests_and_the_chart_is_described(sheet: Sheet):
    sheet.open("context_length=131072&batch_size=4")
    page, heard = sheet.page, sheet.page.locator(".memory-heard[role=status]")
    expect(heard).to_have_text(re.compile(r"^\d+\sGiB: over by [\d.]+\sGiB\.$"))
    assert page.locator("[data-card=verdict]").inner_text().startswith("✗ over by")
    assert not page.locator(".memory-live :is([role=status], [aria-live]:not(:empty))").count()
    page.evaluate(SPOKEN)
    sheet.slider().focus()
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    assert page.evaluate("spoken") == []
    page.wait_for_function("spoken.length > 0")
    page.wait_for_timeout(1000)
    assert len(page.evaluate("spoken")) == 1
    assert (
        page.get_by_role("slider", name="Context length in tokens (the model supports 131,072)", exact=True).count()
        == 1
    )
    assert "KV cache" in (sheet.page.locator("svg.bars").get_attribute("aria-label") or "")
    assert "What would make it fit" in sheet.page.locator(".memory-live .advice").inner_text()


def test_the_sentence_names_what_stays_of_a_windowed_cache_and_that_bars_are_of_each_gpu(sheet: Sheet):
    said = sheet.page.locator(".memory-live .sentence")
    sheet.open("model=gemma-3-27b-it&context_length=131072")
    stays = estimate(Scenario("gemma-3-27b-it", context_length=131_072, phase="decode"))["kv_cache"]
    once = f"Once the prompt is read, {amount(int(stays.bytes), 'GiB')} of the cache stays."
    assert once in said.inner_text().replace("\xa0", " ")
    sheet.open("memory_bars=levers&engine=vllm&tensor_parallel=2")
    assert "Bytes are those of each of 2 GPUs." in said.inner_text()
