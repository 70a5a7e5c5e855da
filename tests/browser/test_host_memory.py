"""What llama.cpp keeps in host memory beside the device, said apart from what the device holds, in words and in the table."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from conftest import Sheet

from dashboard.live.amounts import HOST, amounts, needed
from dashboard.take_along.tables import rows
from dashboard.wording import amount
from memory_model import Scenario, estimate
from memory_model.resolve import resolve

HALF = {"model": "llama-3.1-8b", "engine": "llama.cpp", "weights": "q4_k_m", "device": "rtx-4090", "gpu_layers": 16}


@pytest.mark.parametrize("keys", [{}, {"kv_offload": False}, {"batch_size": 4, "memory_bars": "batch"}])
def test_the_sentence_says_device_and_host_apart(sheet: Sheet, keys: dict[str, object]):
    state = {**HALF, **keys}
    sheet.open(urlencode({key: str(value).lower() for key, value in state.items()}))
    memory = estimate(Scenario(**{key: value for key, value in state.items() if key != "memory_bars"}))  # type: ignore[arg-type]
    host = {part.name: int(part.bytes) for part in memory.host}
    said = sheet.page.locator(".memory-live .sentence").inner_text().replace("\xa0", " ")
    beside = f"In host memory beside it, which the verdict leaves out: {amount(sum(host.values()), 'GiB')} "
    parts = f"weights {amount(host['weights'], 'GiB')}, KV cache {amount(host['kv_cache'], 'GiB')}, activations"
    assert f"{beside}({parts}" in said
    if "kv_offload" in keys:
        assert "the device holds none of the KV cache" in said
    card = sheet.page.locator(".memory-live .card").first.inner_text().replace("\xa0", " ")
    assert card.split("\n") == [
        "On the device",
        amount(int(memory.bytes), "GiB"),
        f"and {amount(sum(host.values()), 'GiB')} in host memory",
    ]
    assert not sheet.errors


def test_the_line_over_other_views_names_it_too(sheet: Sheet):
    sheet.page.goto(f"{sheet.address}numbers?{urlencode(HALF)}")
    sheet.page.wait_for_selector("[data-drawn-context]")
    memory = estimate(Scenario(**HALF))  # type: ignore[arg-type]
    held = amount(sum(int(part.bytes) for part in memory.host), "GiB")
    said = sheet.page.locator(".strip .value").inner_text().replace("\xa0", " ")
    assert said == f"{amount(int(memory.bytes), 'GiB')} and {held} of host memory"


def test_nothing_is_said_of_host_memory_where_the_engine_names_none(sheet: Sheet):
    sheet.open("model=gpt2")
    assert "host memory" not in sheet.page.locator(".memory-live").inner_text()


@pytest.mark.parametrize("kv_offload", [True, False])
def test_tables_have_a_row_for_each_part_and_both_totals(kv_offload: bool):
    scenario = Scenario(**HALF, kv_offload=kv_offload)  # type: ignore[arg-type]
    memory = estimate(scenario)
    found = {row["component"]: row["bytes"] for row in rows(memory, "GiB")}
    assert found["Total"] == memory.bytes
    assert found["Total, in host memory"] == sum(int(part.bytes) for part in memory.host)
    assert found["KV cache, in host memory"] == memory.host[1].bytes and (found["KV cache"] == 0) is not kv_offload
    grid = amounts(resolve(scenario), [scenario.context_length], [1])
    assert needed(grid).item() == memory.bytes
    assert (
        sum(values.item() for name, values in grid.items() if name.startswith(HOST)) == found["Total, in host memory"]
    )


def test_a_comparison_names_the_host_memory_of_who_saves_by_it(sheet: Sheet):
    kept = "Half~model~llama-3.1-8b~weights~q4_k_m~engine~llama.cpp~device~rtx-4090~gpu_layers~16"
    whole = {key: value for key, value in HALF.items() if key != "gpu_layers"}
    sheet.page.goto(f"{sheet.address}compare?{urlencode({**whole, 'compare_1': kept})}")
    sheet.page.wait_for_selector("[data-drawn-context]")
    sheet.settle()
    half, full = (estimate(Scenario(**keys)) for keys in (HALF, whole))  # type: ignore[arg-type]
    held, before = (sum(int(part.bytes) for part in memory.host) for memory in (half, full))
    said = sheet.page.locator(".memory-live .sentence").inner_text().replace("\xa0", " ")
    assert f"which the verdicts leave out: Half {amount(held, 'GiB')}." in said
    differs = sheet.page.locator("[data-testid=stMain]").inner_text()
    assert f"+{amount(held - before, 'GiB')} in host memory" in differs
