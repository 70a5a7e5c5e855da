"""What is taken home from the page: files that other programs open, and scenarios that open as they were saved."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import openpyxl
import yaml
from conftest import Sheet
from opened_page import at, content, rest
from pptx import Presentation

from memory_model import Scenario, estimate


def test_everything_that_can_be_taken_along_is_a_valid_file(sheet: Sheet, tmp_path: Path):
    at(sheet, "model=gpt2-xl&context_length=700")
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
    offline = page.context.new_page()
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


def test_what_was_saved_in_a_view_opens_in_that_view_again(sheet: Sheet):
    state = "model=gpt2-xl&context_length=700&unit=GB&trade_offs_section=longest&trade_offs_vary=formats"
    at(sheet, state, "trade-offs")
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
