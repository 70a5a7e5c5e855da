"""What only a browser can show of points that an engine refuses: they are drawn as such, beside those that it takes."""

from __future__ import annotations

from conftest import Sheet
from opened_page import at, drawn, words

QUERY = "model=qwen3-8b&engine=llama.cpp&weights=q4_k_m&device=h100-sxm-80gb&context_length=1024&"


def test_bars_beyond_what_the_engine_takes_are_crossed_out(sheet: Sheet):
    at(sheet, QUERY + "batch_size=192&memory_bars=batch")
    totals = drawn(sheet.page)["drawnTotals"].split()
    assert totals[8:] == ["refused"] * 4
    assert all(int(total) for total in totals[:8])
    assert sheet.page.locator(".bars text.strong", has_text="✗").count() >= 4
    assert (
        sheet.page.locator(".map [data-refused=true]").count()
        == 2 * sheet.page.locator(".map [data-refused]").count() // 11
    )


def test_a_refused_state_is_said_to_be_so_and_why(sheet: Sheet):
    at(sheet, QUERY + "batch_size=512")
    said = words(sheet.page)
    assert "512 sequences are more than the 256 that llama.cpp takes; use 256 or fewer" in said
    assert "refused by the engine" in said
    assert set(drawn(sheet.page)["drawnTotals"].split()) == {"refused"}
