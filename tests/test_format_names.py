"""Formats have one name on the page, that of the levers; what stands in a link is never shown."""

from __future__ import annotations

import pytest

from dashboard.comparison import choices
from dashboard.format_names import cache_name, full_name, weights_name
from dashboard.refusals import in_words
from dashboard.trade_offs.lines import lines, usual
from memory_model import Scenario
from memory_model.levers import CHANGES
from memory_model.presets import engines, weight_schemes


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("awq-int4", "AWQ int4"),
        ("q4_k_m", "Q4_K_M"),
        ("bf16", "bf16"),
        ("nf4-dq", "NF4, double quantisation"),
        ("fp8-block", "fp8, 128 × 128 blocks"),
        ("mxfp4", "MXFP4"),
        ("of a file", "of a file"),
    ],
)
def test_a_weight_format_is_called_as_the_levers_call_it(name: str, said: str):
    assert weights_name(name) == said


@pytest.mark.parametrize(("name", "said"), [("q8_0", "Q8_0"), ("q8_0:f16", "Q8_0 keys, F16 values"), ("fp8", "fp8")])
def test_a_cache_format_too(name: str, said: str):
    assert cache_name(name) == said


def test_no_two_formats_of_the_list_have_one_name():
    assert len({full_name(name) for name in weight_schemes()}) == len(weight_schemes())
    same = [name for name in weight_schemes() if weights_name(name) == "int8"]
    assert same == ["int8", "w8a8"], "of transformers and of the servers, as in the levers"
    assert len({weights_name(name) for name in weight_schemes()}) == len(weight_schemes()) - 1


@pytest.mark.parametrize("engine", list(engines()))
def test_the_lines_of_trade_offs_are_named_like_the_levers(engine: str):
    scenario = Scenario("llama-3.1-8b", engine=engine, device="h100-sxm-80gb")
    found, _ = lines(scenario, "formats", usual(scenario, "formats"))
    labels = {change.label for change in CHANGES if change.slot in ("weights", "kv_cache")}
    assert len(found) >= 4
    for line in found:
        assert set(line.label.split(" + ")) <= labels | {"bf16 weights"}, line.label


def test_a_comparison_says_them_alike():
    first = {"weights": "published", "kv_cache": ""}
    other = {"weights": "q4_k_m", "kv_cache": "q8_0:f16"}
    assert choices(first, other) == [
        "weight format: Q4_K_M instead of as published",
        "KV cache format: Q8_0 keys, F16 values instead of the engine's default",
    ]


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (
            "weights: awq-int4 has no GGUF equivalent; use bf16, q8_0 or q4_k_m",
            "Weight format: AWQ int4 has no GGUF equivalent; use bf16, Q8_0 or Q4_K_M",
        ),
        ("kv_cache: q4_0:f16 is no option; known: fp8", "KV cache format: Q4_0:F16 is no option; known: fp8"),
        ("config.json › quantization_config: nf4 …", "config.json › quantization_config: NF4 …"),
        ("model: no file my-nf4-model.gguf", "Model: no file my-nf4-model.gguf"),
    ],
)
def test_a_refusal_calls_formats_and_keys_as_the_page_does(refused: str, said: str):
    assert in_words(refused) == said
