"""Scenarios side by side: kept in a link, read like every other part of it, and told apart in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard import kept
from dashboard.comparison import choices, difference
from dashboard.link import read_link
from dashboard.live.drawing import configuration
from dashboard.live.lever_columns import lever_columns
from dashboard.parameters import DEFAULTS, SCENARIO
from memory_model import InputError, Scenario, estimate

VALUES = {parameter.key: parameter.default for parameter in SCENARIO}


def test_a_kept_scenario_says_only_what_differs_and_reads_back():
    values = VALUES | {"model": "gpt2", "kv_cache": "q8_0:f16", "kv_offload": False, "context_length": 99}
    text = kept.written("  Two\n words~ ", values, SCENARIO)
    assert text == "Two words-~model~gpt2~kv_cache~q8_0:f16~kv_offload~false"
    name, read = kept.read(text, SCENARIO)
    assert name == "Two words-"
    assert read == {key: value for key, value in values.items() if key not in kept.SLIDERS}


@pytest.mark.parametrize(
    "text",
    [
        "A~model",
        "A~model~/etc/passwd",
        "A~context_length~8",
        "A~model~gpt2~model~gpt2",
        "A~__class__~x",
        "~weights~int3",
    ],
)
def test_what_is_no_kept_scenario_is_refused_and_the_rest_of_the_link_stays(text: str):
    values, problems = read_link({"compare_1": text, "compare_2": "B~model~gpt2", "batch_size": "3"})
    assert values["compare_1"] == "" and values["compare_2"] == "B~model~gpt2" and values["batch_size"] == 3
    assert len(problems) == 1 and problems[0].startswith("compare_1 in the link: ")


def test_a_scenario_too_long_for_a_link_is_refused():
    many = VALUES | {parameter.key: "x" * 30 for parameter in SCENARIO[:8]}
    with pytest.raises(InputError, match="characters are too many for a link"):
        kept.written("A", many, SCENARIO)


def test_differences_are_named_with_their_bytes():
    small, large = VALUES | {"weights": "awq-int4"}, VALUES
    assert choices(large, small) == ["weight format: AWQ int4 instead of as published"]
    assert choices(large, VALUES | {"use_cache": False}) == ["KV cache kept: no instead of yes"]
    first, other = estimate(Scenario("llama-3.1-8b")), estimate(Scenario("llama-3.1-8b", weights="awq-int4"))
    assert difference(first, first, "GiB") == "the same total"
    saved = (first["weights"].bytes - other["weights"].bytes) / 2**30
    assert f"Weights −{saved:.2f} GiB" in difference(first, other, "GiB")


@pytest.mark.parametrize("engine", ["transformers", "vllm", "llama.cpp"])
@pytest.mark.parametrize("model", ["llama-3.1-8b", "gemma-3-27b-it", "deepseek-r1"])
def test_levers_as_bars_are_what_the_page_shows_and_changes_of_it(model: str, engine: str):
    scenario = configuration(Scenario(model, engine=engine, device="h100-sxm-80gb"))
    columns = lever_columns(scenario)
    assert columns[0].scenario == scenario and 5 <= len(columns) <= 8
    assert len({column.label for column in columns}) == len(columns)
    assert all(column.scenario.context_length == scenario.context_length for column in columns)
    assert any("4" in column.label and column.scenario.weights != "published" for column in columns)


def test_a_window_is_a_bar_only_where_it_takes_less():
    scenario = configuration(Scenario("llama-3.1-70b", device="h100-sxm-80gb"))
    window = "A window of 4,096 in every layer"
    drawn = {
        phase: [one.label for one in lever_columns(replace(scenario, phase=phase))] for phase in ("peak", "decode")
    }
    assert window not in drawn["peak"], "in one pass over 131,072 tokens its mask takes 33 GiB"
    assert window in drawn["decode"]


def test_the_defaults_keep_nothing():
    assert [DEFAULTS[f"compare_{number}"] for number in range(1, 5)] == [""] * 4
