"""What comes from outside is shown as it is written, in a real browser: no element of the page is made of it."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest
from conftest import Sheet

from dashboard.parameters import PARAMETERS

MARKUP = (
    "<img src=x onerror=globalThis.bad=1>", "[x](javascript:globalThis.bad=1)", "![i](https://evil.example/i.png)", "$\\LaTeX$",
    "https://evil.example", "www.evil.example", "me@evil.example", ":smile:", ":material/home:", ":streamlit:", ":red[x]",
    "<svg/onload=globalThis.bad=1>", "<script>globalThis.bad=1</script>", "\u202eegap", "`x`", "**x**",
)  # fmt: skip
FOUND = """() => [...document.querySelectorAll('a, img, svg, script, .katex, code, em, iframe, [role=img]')]
  .filter(element => !element.matches('svg.bars'))  // whose own label and words name the scenarios
  .map(element => element.outerHTML)
  .filter(html => /evil|onerror|onload=|globalThis.bad|smile|LaTeX|Streamlit logo|aria-label="home icon"/.test(html))"""
"""Elements that were made of words of the link."""


def shown(sheet: Sheet, path: str, query: dict[str, str]) -> str:
    """The text of the page at a link, after it was seen that nothing was made of it and nobody else was asked."""
    sheet.page.goto(f"{sheet.address}{path}?{urlencode(query)}")
    sheet.page.wait_for_selector("[data-testid=stSidebar] .st-key-model", timeout=60_000)
    sheet.settle()
    assert sheet.page.evaluate("globalThis.bad") is None
    assert sheet.page.evaluate(FOUND) == []
    assert sheet.elsewhere == []
    assert sheet.page.locator("[data-testid=stException]").count() == 0
    return sheet.page.inner_text("body")


@pytest.mark.parametrize("path", ["", "hardware"])
def test_markup_in_every_parameter_of_a_link_is_shown_as_text(sheet: Sheet, path: str):
    keys = [parameter.key for parameter in PARAMETERS if not parameter.key.startswith(("compare", "levers_changes"))]
    text = shown(sheet, path, {key: MARKUP[place % len(MARKUP)] for place, key in enumerate(keys)})
    assert "model in the link" in text
    for words in ("<img src=x onerror", "[x](javascript:", "LaTeX$", "<script>"):
        assert words in text, words
    assert "\u202e" not in text


def test_markup_in_the_name_of_a_kept_scenario_is_shown_as_text(sheet: Sheet):
    names = [
        "<img src=x onerror=globalThis.bad=1>",
        "[x](javascript:globalThis.bad=1) $a$",
        "https://evil.example :smile:",
    ]
    query = {f"compare_{place}": f"{name}~model~gpt2" for place, name in enumerate(names, 1)}
    text = shown(sheet, "compare", query)
    assert all(name in text.replace("\u2060", "") for name in names)


def test_a_link_of_strange_letters_opens_the_page_and_keeps_the_rest(sheet: Sheet):
    strange = f"model=%00%ff%fe&device=%ED%A0%80&kv_cache={quote('٣' * 50)}&context_length=4096&context_length=8k"
    sheet.page.goto(f"{sheet.address}?{strange}&story=story-%0d%0aSet-Cookie&batch_size=7&=&&&%&x[]=1&__proto__=1")
    sheet.page.wait_for_selector("[data-drawn-context]", timeout=60_000)
    assert sheet.settle().drawn("batch") == 7
    assert sheet.drawn() == 8192
    assert sheet.page.locator("[data-testid=stException]").count() == 0


def test_markup_in_a_pasted_log_is_shown_as_text(sheet: Sheet):
    shown(sheet, "numbers", {"numbers_section": "log"})
    page = sheet.page
    log = f"vllm model='{'x' * 3}'\nModel loading took 14.99 GiB <img src=x onerror=globalThis.bad=1>\ngeneral.name = https://evil.example"
    page.locator(".st-key-numbers_log textarea").fill(log)
    page.locator(".st-key-numbers_log textarea").press("Control+Enter")
    page.wait_for_selector("[data-testid=stTable]", timeout=30_000)
    assert page.evaluate("globalThis.bad") is None and page.evaluate(FOUND) == []
