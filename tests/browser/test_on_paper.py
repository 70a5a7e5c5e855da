"""A sheet is light and legible whatever the page's colours are, and nothing on it asks to be pressed."""

from __future__ import annotations

from conftest import Sheet
from opened_page import at

PALE = """() => {
  const shown = e => e.getClientRects().length && [...e.childNodes].some(child => child.nodeType === 3 && child.data.trim());
  const share = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const contrast = e => {
    const seen = getComputedStyle(e), [r, g, b, alpha = 1] = (e.ownerSVGElement ? seen.fill : seen.color).match(/[\\d.]+/g).map(Number);
    const [R, G, B] = [r, g, b].map(c => share(255 + (c - 255) * alpha));
    return 1.05 / (0.2126 * R + 0.7152 * G + 0.0722 * B + 0.05);
  };
  return [...document.querySelectorAll('[data-testid=stMain] *')].filter(e => shown(e) && !e.closest('style')).map(e => [e.textContent.trim(), contrast(e)]).filter(([, found]) => found < 3);
}"""
"""Words that are seen but hardly read on white."""
COLOURS = """[...document.querySelectorAll('#root *')].map(e => getComputedStyle(e))
  .map(seen => [seen.color, seen.backgroundColor, seen.borderTopColor, seen.fill, seen.stroke].join()).join(';')"""
GROUND = "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"


def test_a_dark_page_is_printed_light_and_stays_dark(sheet: Sheet):
    page = sheet.page
    page.emulate_media(color_scheme="dark")
    at(sheet, "model=llama-3.1-70b&context_length=131072", "levers")
    page.emulate_media(media="print")
    page.wait_for_timeout(300)  # figures are drawn as wide as the window without its side bar
    before = page.evaluate(COLOURS)
    assert page.evaluate(GROUND) == "rgb(23, 22, 20)" and page.evaluate(PALE)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    said = page.locator("[data-testid=stMain]").inner_text()
    pressed = [button for button in page.get_by_role("button").all() if button.is_visible()]
    light, pale = page.evaluate(GROUND), page.evaluate(PALE)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    after = page.evaluate(COLOURS)
    page.emulate_media(media="screen")
    assert "Llama 3.1 70B, bf16, Hugging Face transformers on H100 SXM 80GB; 131,072 tokens × 1 sequence" in said
    assert light == "rgb(255, 255, 255)" and not pale and not pressed
    assert page.evaluate(GROUND) == "rgb(23, 22, 20)" and after == before
    assert (
        page.locator("[data-testid=stLayoutWrapper]:has(> .st-key-paper)").evaluate("e => getComputedStyle(e).clipPath")
    ) != "none"
