"""Recurrent states on vLLM: how many a sequence holds, with a prefix cache and without."""

import pytest

from memory_model import InputError, Scenario, estimate
from memory_model.engine_logs.read import read_log
from memory_model.estimate import over_grid
from memory_model.resolve import resolve
from memory_model.result import result

QWEN = {"model": "qwen3.6-35b-a3b", "engine": "vllm", "kv_cache": "fp8", "context_length": 65_536}
PAGES = 10 * 2096 * 2 * 2 * 256
"""Bytes of a block of 2,096 tokens in one group of 10 layers, 2 KV heads of 256 each; states are in three such groups."""


def cache(**keys):
    return estimate(Scenario(**keys))["kv_cache"].bytes


@pytest.mark.parametrize(
    ("version", "asked", "states"),
    [
        ("0.19", None, 1),
        ("0.19", True, 2),
        ("0.26", None, 1),
        ("0.26", True, 2),
        ("0.29", None, 2),
        ("0.29", False, 1),
        ("0.12", True, 1),
    ],
)
def test_a_prefix_cache_keeps_a_second_state_which_is_asked_for_until_0_28(version, asked, states):
    assert cache(**QWEN, engine_version=version, prefix_caching=asked) == (32 + 3 * states) * PAGES


def test_two_states_are_what_two_logs_print():
    """2.95 GiB hold 3.87 sequences, 82.42 GiB 108.50 (tests/measured/engine_logs_held_out.csv, logs 203 and 204)."""
    each = cache(**QWEN, prefix_caching=True)
    assert 2.945 * 2**30 // PAGES * PAGES / each == pytest.approx(3.87, abs=0.03)
    assert 82.42 * 2**30 / each == pytest.approx(108.50, abs=0.01)


def test_mamba_hybrids_keep_a_state_for_every_block_of_whole_chunks():
    keys = {"model": "granite-4.0-h-small", "engine": "vllm", "prefix_caching": True}
    eight, nine = (estimate(Scenario(**keys, context_length=tokens))["kv_cache"] for tokens in (8 * 768, 8 * 768 + 1))
    assert nine.bytes * 8 == eight.bytes * 9
    assert nine.evidence.name == "ASSUMED"


@pytest.mark.parametrize("model", ["qwen3.5-27b", "falcon-h1-7b-base"])
def test_a_grid_holds_the_points(model):
    keys = {"model": model, "engine": "vllm", "prefix_caching": True}
    contexts = [1, 783, 785, 8191, 131072]
    grid = over_grid(resolve(Scenario(**keys)), contexts, [3]).components["kv_cache"]
    points = [cache(**keys, context_length=tokens, batch_size=3) for tokens in contexts]
    assert [int(row[0]) for row in grid] == points == sorted(points)


def test_models_without_states_hold_as_much_with_a_prefix_cache_as_without():
    keys = {"model": "llama-3.1-8b", "engine": "vllm"}
    assert cache(**keys, prefix_caching=True) == cache(**keys, prefix_caching=False)
    assert result(Scenario(**keys))["scenario"]["prefix_caching"] is True
    assert result(Scenario(**QWEN))["scenario"]["prefix_caching"] is False


def test_a_log_names_it():
    text = "INFO Initializing a V1 LLM engine (v0.20.0) with config: model='Qwen/Qwen3.6-35B-A3B', enable_prefix_caching={}"
    found = [read_log(f"{text.format(said)}\nINFO Available KV cache memory: 2.95 GiB") for said in (True, False)]
    assert [log.settings["prefix_caching"] for log in found] == [True, False]


def test_engines_without_it_refuse_it():
    with pytest.raises(InputError, match=r"prefix_caching: llama\.cpp has no such option; leave it out"):
        resolve(Scenario("llama-3.1-8b", engine="llama.cpp", prefix_caching=True))
