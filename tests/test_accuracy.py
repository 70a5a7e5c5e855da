"""The accuracy table is computed from the measured tables, and every number can quote its row."""

from __future__ import annotations

import pytest

from memory_model import Scenario, resolve
from memory_model.accuracy import accuracy
from memory_model.estimate import breakdown
from memory_model.evidence import accuracy_table, measured
from memory_model.result import result


def test_the_kept_table_is_what_the_measured_tables_give():
    assert accuracy_table() == accuracy(), "run: python -m memory_model accuracy --write"


GOALS = (
    ("transformers", "activations, prefill", 0.005),
    ("transformers", "activations, decode", 0.02),
    ("llama.cpp", "compute buffer, device", 0.0),
    ("llama.cpp", "compute buffer, CPU alone", 0.0),
    ("vllm 0.19", "activation peak", 0.03),
    ("training", "peak of a step, 16 and 32 bits", 0.005),
)
"""Where 95 of 100 cases must stand."""


@pytest.mark.parametrize(("engine", "quantity", "goal"), GOALS)
def test_ninety_five_of_a_hundred_cases_are_within_the_goal(engine: str, quantity: str, goal: float):
    row = next(row for row in accuracy() if (row.engine, row.quantity) == (engine, quantity))
    assert row.ninety_fifth_error <= goal


QUOTED = (
    ({"model": "llama-3.1-8b", "phase": "prefill"}, "activations", "activations, prefill"),
    ({"model": "llama-3.1-8b", "phase": "decode"}, "activations", "activations, decode"),
    ({"model": "llama-3.1-8b", "phase": "decode", "use_cache": False}, "activations", "activations, no cache"),
    ({"model": "llama-3.1-8b", "cache_implementation": "static"}, "activations", "activations, static cache"),
    ({"model": "llama-3.1-8b", "weights": "fp32", "phase": "prefill"}, "activations", "activations, float32"),
    ({"model": "llama-3.1-8b", "engine": "llama.cpp"}, "activations", "compute buffer, device"),
    ({"model": "llama-3.1-8b", "engine": "llama.cpp"}, "weights", "weights"),
    ({"model": "llama-3.1-8b", "engine": "vllm"}, "kv_cache", "KV bytes per token"),
    ({"model": "llama-3.1-8b", "engine": "vllm"}, "activations", "activation peak"),
)


@pytest.mark.parametrize(("keys", "component", "quantity"), QUOTED)
def test_a_component_quotes_the_row_of_its_engine_and_mode(keys: dict[str, object], component: str, quantity: str):
    deployment = resolve(Scenario.from_mapping(keys))
    row = measured(deployment, breakdown(deployment)[component])
    assert row is not None and row.quantity == quantity


def test_what_is_assumed_quotes_nothing():
    deployment = resolve(Scenario("llama-3.1-8b", device="h100-sxm-80gb"))
    assert measured(deployment, breakdown(deployment)["overhead"]) is None
    assert "overhead" not in result(Scenario("llama-3.1-8b", device="h100-sxm-80gb"))["accuracy"]
