"""The dashboard as `dashboard/nginx.conf` serves it, with a real nginx: `python tests/behind_nginx.py`. Needs nginx.

Two processes under /memory/ of one site. Prints what a first page weighs with and without compression, and then what it
tried: every view, the live chart, the copied link, which process served whom, and a process that ends while its page is
open. Ends with an AssertionError where something is not as it should be.
"""

from __future__ import annotations

import collections
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

from app_server import free_port, running_server  # noqa: E402
from chromium import running_browser  # noqa: E402
from conftest import Sheet  # noqa: E402
from playwright.sync_api import Browser, Page  # noqa: E402
from test_live import drag  # noqa: E402

from dashboard.parameters import VIEW_NAMES  # noqa: E402
from memory_model import Scenario, estimate  # noqa: E402

MAIN = """
pid {folder}/pid; error_log {folder}/errors; daemon off; worker_processes 1;
events {{}}
http {{
    types {{ text/html html; }}
    default_type application/octet-stream;
    log_format served '$upstream_addr $status $cookie_memory_visitor $request';
    access_log {folder}/served served;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    {site}
}}
"""


def main() -> None:
    """Everything, in order."""
    with ExitStack() as stack:
        browser = stack.enter_context(running_browser())
        ends = [ExitStack(), ExitStack()]
        ports = []
        for end in ends:
            stack.push(end)
            server = end.enter_context(running_server("--server.baseUrlPath=memory", path="/memory/"))
            ports.append(server.port)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        site = stack.enter_context(running_nginx(folder, ports))
        weigh(browser, site, f"http://127.0.0.1:{ports[0]}/memory/")
        people = [person(browser, site) for _ in range(6)]
        every_view(people[0])
        follows(people[0])
        copied(people[0], people[1])
        homes = served(folder, ports)
        print(f"people per process: {sorted(collections.Counter(homes).values())} of {len(homes)} cookies")
        a_process_ends(browser, site, folder, ports, ends)


@contextmanager
def running_nginx(folder: Path, ports: list[int]) -> Iterator[str]:
    """The address of the site of `dashboard/nginx.conf`, with the ports of this run in it."""
    port, site = free_port(), (ROOT / "dashboard" / "nginx.conf").read_text(encoding="utf-8")
    for written, used in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        (":8501;", f":{ports[0]};"),
        (":8502;", f":{ports[1]};"),
    ):
        assert site.count(written) == 1, written
        site = site.replace(written, used)
    (folder / "conf").write_text(MAIN.format(folder=folder, site=site), encoding="utf-8")
    nginx = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "conf")])
    try:
        yield f"http://127.0.0.1:{port}/memory/"
    finally:
        nginx.terminate()
        nginx.wait(20)


def person(browser: Browser, site: str) -> Sheet:
    """Somebody with a browser and cookies of their own, on the first page."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    return Sheet(context.new_page(), site).open("device=h100-sxm-80gb")


def weigh(browser: Browser, site: str, direct: str) -> None:
    """Bytes on the line of a first page, through the proxy and past it."""
    for words, address in (("past the proxy", direct), ("through the proxy", site)):
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        page = context.new_page()
        line = Line(page)
        sheet = Sheet(page, address).open()
        first = sheet.received
        drag(sheet, "context_stop", 0.8)
        page.mouse.up()
        sheet.settle()
        print(
            f"{words:18} {line.files:3} files {line.bytes:>10,} bytes, then {first:,} by websocket; a release {sheet.received - first:,}"
        )
        context.close()


class Line:
    """Counts what came over the line for files, as compressed as it came."""

    def __init__(self, page: Page) -> None:
        self.files, self.bytes = 0, 0
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", self._finished)

    def _finished(self, event: dict[str, float]) -> None:
        self.files += 1
        self.bytes += int(event["encodedDataLength"])


def every_view(sheet: Sheet) -> None:
    """All views open under the path, by their links and by their addresses."""
    for name in VIEW_NAMES:
        address = f"{sheet.address}{'' if name == 'memory' else name}"
        sheet.page.goto(f"{address}?device=h100-sxm-80gb")
        sheet.page.locator("[data-testid=stMain] .memory-live, [data-testid=stMain] .js-plotly-plot").first.wait_for()
        sheet.settle()
        assert sheet.page.url.startswith(address) and not sheet.page.locator("[data-testid=stException]").count(), name
    sheet.page.get_by_role("link", name="Memory", exact=True).click()
    sheet.page.wait_for_selector("[data-drawn-context]")
    sheet.settle()
    assert sheet.page.url.partition("?")[0] == sheet.address and not sheet.elsewhere, sheet.page.url
    print(f"{len(VIEW_NAMES)} views open under {sheet.page.url.split('?')[0]}; nothing is asked elsewhere")


def follows(sheet: Sheet) -> None:
    """The live chart follows the slider through the proxy, and shows what Python computes."""
    seen = drag(sheet, "context_stop", 0.8)
    sheet.page.mouse.up()
    sheet.settle()
    expected = estimate(Scenario("llama-3.1-8b", context_length=sheet.drawn(), device="h100-sxm-80gb")).bytes
    assert len(seen) > 10 and sheet.drawn("total") == expected
    print(f"the live chart drew {len(seen)} states before the release")


def copied(sheet: Sheet, other: Sheet) -> None:
    """A copied link says the same to somebody else, whichever process serves them."""
    sheet.page.get_by_role("button", name="Copy link").click()
    sheet.page.get_by_text("Link copied").wait_for()
    link = sheet.page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{sheet.address}?"), link
    other.page.goto(link)
    other.page.wait_for_selector("[data-drawn-context]")
    other.settle()
    assert (other.drawn(), other.drawn("total")) == (sheet.drawn(), sheet.drawn("total"))
    print(f"the copied link opens for somebody else with the same {other.drawn('total'):,} bytes")


def served(folder: Path, ports: list[int]) -> list[str]:
    """The one process that served each cookie. Fails where a cookie met two."""
    homes: dict[str, set[str]] = collections.defaultdict(set)
    for line in (folder / "served").read_text(encoding="utf-8").splitlines():
        process, status, cookie, _ = line.split(" ", 3)
        assert status[0] in "123" or status in ("404", "499"), line
        if re.fullmatch(r"[0-9a-f]{32}", cookie):
            homes[cookie].add(process)
    assert all(len(processes) == 1 for processes in homes.values()), homes
    assert {home for processes in homes.values() for home in processes} == {f"127.0.0.1:{port}" for port in ports}
    return [next(iter(processes)) for processes in homes.values()]


def a_process_ends(browser: Browser, site: str, folder: Path, ports: list[int], ends: list[ExitStack]) -> None:
    """Somebody's process ends; their page goes on at the other one from what its link says."""
    sheet = person(browser, site)
    cookie = next(found["value"] for found in sheet.page.context.cookies() if found["name"] == "memory_visitor")
    change(sheet, "context_length", 50_001)
    sheet.page.wait_for_selector("[data-drawn-context='50001']")
    total = sheet.settle().drawn("total")
    lines = (folder / "served").read_text(encoding="utf-8").splitlines()
    home = next(line.split(" ")[0] for line in lines if f" {cookie} " in line)
    ends[[f"127.0.0.1:{port}" for port in ports].index(home)].close()
    changes = 0
    while sheet.drawn("batch") != 3 and changes < 5:
        sheet.page.wait_for_timeout(8_000)
        change(sheet, "batch_size", 3)
        sheet.page.wait_for_timeout(4_000)
        changes += 1
    assert (sheet.drawn(), sheet.drawn("batch")) == (50_001, 3) and sheet.drawn("total") > total
    print(
        f"a process ended: its page went on at the other one with {sheet.drawn():,} tokens; it took {changes} changes"
    )


def change(sheet: Sheet, key: str, number: int) -> None:
    """Type a number into the box of a key."""
    box = sheet.page.locator(f".st-key-{key} input")
    box.fill(str(number))
    box.press("Enter")


if __name__ == "__main__":
    main()
