"""How fast it is, in one run: `python tests/benchmark.py`. Ratios matter; absolute times are this machine's.

Prints the time of one `estimate`, of a sweep of 4 models over 200 contexts, of a large grid, and for each view with
sliders how it follows a slider that is dragged in headless Chromium: the share of moves that were painted before the
release, and the time from a pointer's or a key's move to the paint. `python tests/benchmark.py NAME …` measures only
the views of these names.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

from app_server import running_server  # noqa: E402
from chromium import running_browser  # noqa: E402
from drag import measure_drag  # noqa: E402

from memory_model import Scenario, estimate, sweep  # noqa: E402

MODELS = ("llama-3.1-8b", "qwen3-30b-a3b", "gemma-3-27b-it", "deepseek-v3")


VIEWS = {
    "memory": "",
    "memory, parts": "?memory_parts=true&model=deepseek-r1",
    "memory, batch": "?memory_bars=batch",
    "memory, levers": "?memory_bars=levers",
    "memory, vLLM": "?engine=vllm",
    "trade-offs": "trade-offs",
    "levers": "levers",
    "compare": "compare?compare_1=A~weights~awq-int4&compare_2=B~engine~vllm&compare_3=C~model~llama-3.2-3b-instruct",
    "numbers": "numbers",
}
"""Where each view with sliders is, in the forms that draw most."""


def milliseconds(work, repeats=30):
    """The median time of one call, after one call that warms up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def main():
    contexts = [int(256 * 1.05**i) for i in range(200)]
    scenarios = [Scenario(model=name, device="h100-sxm-80gb") for name in MODELS]
    single = milliseconds(lambda: estimate(scenarios[0]))
    four = milliseconds(lambda: [sweep(s, context_length=contexts, batch_size=[1]) for s in scenarios])
    grid = milliseconds(lambda: sweep(scenarios[0], context_length=contexts, batch_size=range(1, 65)))
    print(f"estimate, one point                    {single:8.2f} ms")
    print(f"sweep, 4 models x 200 contexts         {four:8.2f} ms   {four / single:6.1f} x one estimate for 800 points")
    print(
        f"sweep, 200 contexts x 64 batch sizes   {grid:8.2f} ms   {grid / single:6.1f} x one estimate for 12,800 points"
    )
    wanted = {name: path for name, path in VIEWS.items() if not sys.argv[1:] or name in sys.argv[1:]}
    for name, path in wanted.items():
        # A server of its own for each view, so that the first chart is cold.
        with running_server() as server, running_browser() as browser:
            print(f"{name}: {json.dumps(measure_drag(browser, server.address + path))}", flush=True)


if __name__ == "__main__":
    main()
