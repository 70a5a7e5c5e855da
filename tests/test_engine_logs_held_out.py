"""Start-up logs that nobody looked at while the engines were modelled: what they print is what is predicted, or the reason."""

from __future__ import annotations

import csv
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from memory_model import Scenario
from memory_model.deployment import Deployment
from memory_model.engine_logs.predicted import predicted_for
from memory_model.resolve import resolve

TESTS = Path(__file__).parent
TOLERANCES = {"output": 0.05, "graphs": 0.5, "non_torch": 0.5}
"""Of the printed figure, beside half of its last digit; weights and caches within 1 %."""
BUFFERS = {"llama.cpp": 0.05, "ik_llama.cpp": 0.05, "vLLM": 0.1}
"""The same for compute buffers and activation peaks."""


@cache
def logs() -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (TESTS / "measured" / "engine_logs_held_out.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["log"]].append(row)
    return dict(found)


def deployment(row: dict[str, str]) -> Deployment:
    engine = {"vLLM": "vllm", "SGLang": "sglang"}.get(row["writer"], "llama.cpp")
    model = str(TESTS.parent / row["model"]) if row["model"].startswith("tests/") else row["model"]
    settings = {key: value for key, _, value in (part.partition("=") for part in row["settings"].split())}
    return resolve(
        Scenario.from_mapping({"model": model, "engine": engine, "device": row["device"], "phase": "peak", **settings})
    )


@pytest.mark.parametrize("log", logs())
def test_a_log_prints_what_is_predicted_or_the_reason_is_named(log: str):
    rows = logs()[log]
    found = deployment(rows[0])
    for row in rows:
        printed = float(row["printed"])
        predicted = predicted_for(found, row["quantity"], row["place"] == "host")
        share = BUFFERS[row["writer"]] if row["quantity"] == "compute" else TOLERANCES.get(row["quantity"], 0.01)
        agrees = abs(predicted - printed) <= max(float(row["half_digit"]), share * printed)
        assert agrees is (row["agrees"] == "yes"), (row, predicted)
        assert agrees or row["reason"]


def test_many_logs_of_every_engine_are_held_to_it():
    writers = [rows[0]["writer"] for rows in logs().values()]
    assert len(writers) >= 50 and set(writers) >= {"llama.cpp", "vLLM", "SGLang"}
    agreeing = [row["agrees"] == "yes" for rows in logs().values() for row in rows]
    assert sum(agreeing) / len(agreeing) > 0.7
