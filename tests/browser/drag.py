"""How a view follows a slider: every move of the pointer, timed until the frame that shows it is painted."""

from __future__ import annotations

import json
import statistics
import time
from itertools import pairwise
from typing import Any

from playwright.sync_api import Browser, Page

SLIDER = ".st-key-context_stop input[type=range]"
TRACK = ".st-key-context_stop"
DRAWN = "[data-drawn-context]"
FIGURE = ".js-plotly-plot .xtick text"
"""A number on an axis, which Plotly writes once it knows all sizes."""
MOVES = 60
DRAGS = 3
RELOADS = 3
SETTLE = 1500
"""Milliseconds in which a page or a release comes to rest."""

WATCH = """([slider, drawn]) => {
  const watch = globalThis.watch = { moved: [], painted: [], frames: [], input: 0 };
  for (const kind of ['pointermove', 'keydown']) addEventListener(kind, event => { watch.input = event.timeStamp; }, true);
  let value = document.querySelector(slider).value, shown = document.querySelector(drawn).dataset.drawnContext;
  new MutationObserver(() => {
    const now = document.querySelector(slider)?.value;
    if (now !== undefined && now !== value) { value = now; watch.moved.push(watch.input); }
  }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ['value', 'aria-valuetext'] });
  const after = new MessageChannel(), pending = [];
  after.port1.onmessage = () => { const now = performance.now(); watch.painted.push(...pending.splice(0).map(at => [at, now])); };
  new MutationObserver(() => {
    const now = document.querySelector(drawn)?.dataset.drawnContext;
    if (now === shown) return;
    shown = now;
    const at = performance.now();
    requestAnimationFrame(() => { pending.push(at); after.port2.postMessage(0); });
  }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-drawn-context'] });
  const frame = at => { watch.frames.push(at); requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
}"""


FIRST = """globalThis.first = {};
for (const drawn of SELECTORS) new MutationObserver((_, watching) => {
  if (!document.querySelector(drawn)) return;
  watching.disconnect();
  requestAnimationFrame(() => {
    const after = new MessageChannel();
    after.port1.onmessage = () => { first[drawn] = performance.now(); };
    after.port2.postMessage(0);
  });
}).observe(document, { subtree: true, childList: true, attributes: true });"""
"""When each of them is painted first, by the page's own clock: Playwright looks for it every half second in the end."""


def measure_drag(browser: Browser, url: str) -> dict[str, Any]:
    """Times in milliseconds: pointer to paint and key to paint (median and 95th percentile), first paint of the chart and of a figure, and bytes.

    A move counts from the event's own time stamp to the end of the first frame that was drawn after it.
    """
    page = browser.new_page(viewport={"width": 1920, "height": 1080})
    page.add_init_script("localStorage.setItem('language model memory: guide seen', '1')")
    page.add_init_script(FIRST.replace("SELECTORS", json.dumps([DRAWN, FIGURE])))
    received = [0]
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda frame: received.__setitem__(0, received[0] + len(frame))),
    )
    cold = _first(page, lambda: page.goto(url))
    reloaded = [_first(page, page.reload) for _ in range(RELOADS)]
    warm = {drawn: statistics.median(first[drawn] for first in reloaded) for drawn in cold}
    page.evaluate(WATCH, [SLIDER, DRAWN])
    drags = [_drag(page, received) for _ in range(DRAGS)]
    seen = page.evaluate("globalThis.watch")
    moves = _latencies(seen)
    inside = sum(1 for _, painted in seen["painted"] if any(start <= painted <= end for start, end, _ in drags))
    page.evaluate("() => { watch.moved = []; watch.painted = []; }")
    page.locator(SLIDER).focus()
    for key in ["ArrowLeft"] * 15 + ["ArrowRight"] * 15:
        page.keyboard.press(key)
        page.wait_for_timeout(120)
    page.wait_for_timeout(SETTLE)
    keys = _latencies(page.evaluate("globalThis.watch"))
    before = received[0]
    page.locator(".st-key-model input").fill("Qwen3 8B")
    page.get_by_role("option", name="Qwen3 8B", exact=True).click()
    page.wait_for_timeout(2 * SETTLE)
    changed = received[0] - before
    page.close()
    return {
        "moves": len(moves),
        "share_painted": round(inside / len(moves), 3),
        "drag_p50_ms": round(statistics.median(moves), 1),
        "drag_p95_ms": _p95(moves),
        "key_p50_ms": round(statistics.median(keys), 1),
        "key_p95_ms": _p95(keys),
        "frame_p95_ms": _p95([after - before for before, after in pairwise(seen["frames"])]),
        "bytes_from_server_while_dragging": sum(sent for _, _, sent in drags),
        "bytes_of_another_model": changed,
        "first_chart_cold_s": cold[DRAWN],
        "first_chart_warm_s": warm[DRAWN],
        "first_figure_cold_s": cold.get(FIGURE),
        "first_figure_warm_s": warm.get(FIGURE),
    }


def _first(page: Page, go: Any) -> dict[str, float]:
    """Seconds from the beginning of the navigation to the end of the first frame with a chart, and with a figure.

    A view whose own picture follows the slider has no figure.
    """
    go()
    page.wait_for_selector(DRAWN, timeout=60_000)
    page.wait_for_selector(SLIDER)
    page.wait_for_timeout(SETTLE)
    if page.locator(".stPlotlyChart").count():
        page.wait_for_selector(FIGURE, timeout=60_000)
        page.wait_for_timeout(SETTLE)
    return {drawn: round(at / 1000, 2) for drawn, at in page.evaluate("first").items()}


def _drag(page: Page, received: list[int]) -> tuple[float, float, int]:
    """One drag across half of the track: when it began and ended, before the release, and the bytes that the server sent."""
    thumb, track = page.locator(SLIDER).bounding_box(), page.locator(TRACK).bounding_box()
    assert thumb and track
    x, y = thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2
    left, right = track["x"] + 10, track["x"] + track["width"] - 10
    goal = right if x < (left + right) / 2 else left
    page.mouse.move(x, y)
    page.mouse.down()
    before, start = received[0], page.evaluate("performance.now()")
    for step in range(1, MOVES + 1):
        page.mouse.move(x + (goal - x) * step / MOVES, y)
        time.sleep(1 / 60)
    page.wait_for_timeout(50)
    sent, end = received[0] - before, page.evaluate("performance.now()")
    page.mouse.up()
    page.wait_for_timeout(SETTLE)
    return start, end, sent


def _latencies(seen: dict[str, Any]) -> list[float]:
    """Each move against the first paint whose drawing came after it; one that never got a paint counts as endless."""
    found = []
    for moved in seen["moved"]:
        later = [painted for drawn, painted in seen["painted"] if drawn >= moved]
        found.append(min(later) - moved if later else float("inf"))
    return found


def _p95(values: list[float]) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 1)
