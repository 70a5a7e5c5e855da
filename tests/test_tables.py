"""What the page draws and hands out is the estimate: tables for the browser, grids, reach, advice, and how amounts are written."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from dashboard.advice import what_would_fit
from dashboard.live.drawing import of_scenario
from dashboard.live.payload import parts
from dashboard.live.reach import largest_batches, longest_contexts
from dashboard.stops import BATCHES, bar_positions, batch_bars, context_stops
from dashboard.take_along.tables import as_csv, grid_rows, rows
from dashboard.theme import STACK
from dashboard.wording import amount, plain, signed
from memory_model import COMPONENTS, Scenario, estimate, fit, resolve
from memory_model.estimate import breakdown, in_phase
from memory_model.presets import model_presets


def test_the_grid_is_the_estimate_in_long_form():
    scenario = Scenario("llama-3.1-8b", context_length=5000, batch_size=3)
    lines = list(csv.DictReader(io.StringIO(as_csv(grid_rows(scenario, resolve(scenario))))))
    assert list(lines[0]) == ["context_length", "batch_size", "component", "bytes"]
    found = {
        line["component"]: int(line["bytes"])
        for line in lines
        if (line["context_length"], line["batch_size"]) == ("5000", "3")
    }
    assert found == {part.name: part.bytes for part in estimate(scenario)}


@pytest.mark.parametrize("by_part", [False, True])
@pytest.mark.parametrize("engine", ["transformers", "vllm"])
@pytest.mark.parametrize("model", ["llama-3.1-8b", "gemma-3-27b-it", "deepseek-r1", "gpt-oss-20b"])
def test_tables_for_the_browser_are_the_estimate(model: str, engine: str, by_part: bool):
    device = "h200-sxm"
    scenario = Scenario(model, engine=engine, device=device, context_length=10_001, batch_size=5)
    table = parts(of_scenario(scenario, "context", "GiB", by_part))[2]
    for batch in (1, 5, 1024):
        for context in bar_positions(10_001):
            deployment = resolve(replace(scenario, context_length=context, batch_size=batch))
            at = table["contexts"].index(context) * len(table["batches"]) + table["batches"].index(batch)
            found: Counter[str] = Counter()
            for name, values in table["columns"][0].items():
                found[name.partition("/")[0]] += int(_unpacked(values)[at] if isinstance(values, str) else values)
            reserved, stays = found.pop("reserved"), found.pop("after the prompt", found["kv_cache"])
            assert found == {part.name: part.bytes for part in breakdown(deployment)}
            assert reserved == deployment.engine.reserved(deployment)
            assert stays == breakdown(in_phase(deployment, "decode"))["kv_cache"].bytes


@pytest.mark.parametrize("mode", ["context", "batch", "columns", "strip"])
def test_every_bar_that_a_slider_can_ask_for_is_in_a_table(mode: str):
    drawing = of_scenario(Scenario("llama-3.1-8b", context_length=10_001, batch_size=5), mode, "GiB")
    contexts, batches = drawing.while_context_moves()
    bars = {"context": bar_positions, "batch": lambda context: [context]}.get(mode, lambda context: [context])
    assert all(bar in contexts for stop in drawing.stops for bar in bars(stop)) and 5 in batches
    contexts, batches = drawing.while_batch_moves()
    assert 10_001 in contexts
    assert all(bar in batches for stop in BATCHES for bar in (batch_bars(stop) if mode == "batch" else [stop]))


def _unpacked(text: str) -> list[float]:
    return list(np.frombuffer(base64.b64decode(text), "<f8"))


@pytest.mark.parametrize("model", ["llama-3.1-8b", "gemma-3-27b-it", "deepseek-v2-lite"])
def test_reach_is_the_answer_of_fit(model: str):
    for context, batch in ((256, 1), (8192, 8), (131_072, 1024)):
        scenario = Scenario(model, device="h100-sxm-80gb", context_length=context, batch_size=batch)
        answer, deployment = fit(scenario), resolve(scenario)
        assert longest_contexts(deployment, [batch])[0] == answer.max_context_length
        assert largest_batches(deployment, [context])[0] == answer.max_batch_size


def test_what_the_browser_is_sent_stays_small():
    for model in ("llama-3.1-8b", "deepseek-r1", "gemma-3-27b-it"):
        scenario = Scenario(model, device="h100-sxm-80gb", context_length=9_999, batch_size=5)
        for mode in ("context", "batch", "strip"):
            sent = sum(len(json.dumps(part)) for part in parts(of_scenario(scenario, mode, "GiB", True)))
            assert sent < (12_000 if mode == "strip" else 90_000)


def test_advice_names_only_what_makes_it_fit():
    scenario = Scenario("llama-3.1-8b", device="h100-sxm-80gb", context_length=131_072, batch_size=4)
    assert not fit(scenario).fits
    advice = what_would_fit(scenario, "GiB")
    assert advice[0] == f"at most {fit(scenario).max_context_length:,} tokens"
    assert advice[1].startswith(f"at most {fit(scenario).max_batch_size:,} sequence")
    assert what_would_fit(Scenario("llama-3.1-8b", device="h100-sxm-80gb"), "GiB") == ()
    assert what_would_fit(Scenario("llama-3.1-8b"), "GiB") == ()


def test_stops_hold_what_the_model_supports():
    stops = context_stops(163_840)
    assert (stops[0], stops[-1]) == (256, 2**20) and 163_840 in stops and 8192 in stops and len(stops) < 200
    assert list(stops) == sorted(set(stops))
    assert context_stops(10_485_760)[-1] >= 10_485_760
    assert bar_positions(7) == (1, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 7)
    assert bar_positions(10_001)[:2] == (832, 1664) and bar_positions(10_001)[-1] == 10_001
    assert all(batch in batch_bars(batch) and len(batch_bars(batch)) == 12 for batch in (*BATCHES, 13, 17, 999))


def test_every_component_has_a_colour():
    assert sorted(part.name for part in STACK) == sorted(COMPONENTS)


def test_amounts_keep_three_digits():
    assert [amount(value * 2**30, "GiB") for value in (0.004, 0.125, 9.994, 15.04, 128, 12_345, 2.5e6)] == [
        "0.00 GiB",
        "0.13 GiB",
        "9.99 GiB",
        "15.0 GiB",
        "128 GiB",
        "12,345 GiB",
        "2.50 million GiB",
    ]


def test_what_is_missing_has_a_true_minus_and_nothing_has_no_sign():
    assert [amount(value * 2**30, "GiB") for value in (-8.88, -0.004, -2.5e6)] == [
        "−8.88 GiB",
        "0.00 GiB",
        "−2.50 million GiB",
    ]
    assert [signed(value) for value in (-0.004, 0.004, -0.05, 12.345)] == ["0.00", "0.00", "−0.05", "+12.35"]


def test_text_from_outside_stays_text():
    shown = plain("<b>*x*\n[y](http://z)").replace("\u2060", "")  # a mark that keeps :z: from becoming a symbol
    assert shown == r"\<b\>\*x\* \[y\]\(http\:\/\/z\)"


def test_three_changes_are_named_for_a_model_that_is_too_large_at_every_length():
    named = what_would_fit(Scenario("llama-3.1-70b", context_length=131_072, device="h100-sxm-80gb"), "GiB")
    assert len(named) == 3
    assert any("vLLM" in words or "llama.cpp" in words for words in named), "another engine"
    assert any("× H100 SXM 80GB" in words for words in named), "more of the same device"


def test_every_model_has_its_tables():
    for model in model_presets():
        assert parts(of_scenario(Scenario(model), "strip", "GiB"))[1]["columns"]
        assert (
            sum(row["bytes"] for row in rows(estimate(Scenario(model)), "GiB")[:-1]) == estimate(Scenario(model)).bytes
        )
