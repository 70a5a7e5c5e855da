"""The page stands still while it is loaded: what comes late finds its place kept."""

from __future__ import annotations

import pytest
from conftest import Sheet
from opened_page import at

MOST = 0.1
"""What a layout shift may add up to on a page that is called stable; see https://web.dev/articles/cls."""
SHIFTS = """() => new Promise(tell => new PerformanceObserver(list => tell(list.getEntries().filter(shift => !shift.hadRecentInput).map(shift => shift.value)))
  .observe({ type: 'layout-shift', buffered: true }))"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("view", ["", "conversation"])
def test_nothing_moves_while_a_view_is_loaded(sheet: Sheet, view: str, width: int):
    sheet.page.set_viewport_size({"width": width, "height": 844})
    page = at(sheet, "", view).page
    shifts = page.evaluate(f"Promise.race([({SHIFTS})(), new Promise(tell => setTimeout(tell, 500, []))])")
    assert sum(shifts) <= MOST, shifts
