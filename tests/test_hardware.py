"""Hardware: every device's standing is the answer of fit, prices are the user's own, and what a driver answers is data."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace

import pytest

from dashboard.hardware.own_device import own_device
from dashboard.hardware.plans import on
from dashboard.hardware.prices import read_prices, write_prices
from dashboard.hardware.ranking import SORTS, nearest, ranked, shown, verdict
from dashboard.hardware.server_gpu import ServerGpu, _ask, preset_of, read_answer
from dashboard.hardware.standings import _standings, per_million_tokens, reach_of, standings
from dashboard.parameters import DEFAULTS, HARDWARE_SORTS
from memory_model import InputError, Scenario, fit
from memory_model.deployment import Device
from memory_model.fit import fit_deployment
from memory_model.presets import devices, engines
from memory_model.resolve import resolve
from memory_model.speed import seconds_per_token

SCENARIOS = (
    Scenario("llama-3.1-8b"),
    Scenario("llama-3.1-70b", engine="vllm", context_length=131_072, batch_size=2),
    Scenario("llama-3.1-70b", engine="llama.cpp", weights="q4_k_m"),
    Scenario("gpt-oss-20b", engine="vllm", batch_size=64),
    Scenario("llama-3.1-70b", engine="sglang"),
)
KEYS = {"vllm": "tensor_parallel", "sglang": "tensor_parallel", "llama.cpp": "pipeline_parallel"}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: f"{one.model}-{one.engine}")
def test_a_standing_is_the_answer_of_fit(scenario: Scenario):
    found = standings(scenario)
    assert [one.device.id for one in found] == list(devices())
    for one in [one for one in found if not one.refusal][:: 25 if scenario.engine == "llama.cpp" else 9]:
        key = KEYS.get(scenario.engine)
        asked = replace(scenario, device=one.device.id, **({key: max(1, one.count)} if key else {}))
        answer = fit(asked)
        assert (one.total, one.limit, one.fits) == (answer.total, answer.limit_bytes, answer.fits), one.device.id
        alone = fit(replace(scenario, device=one.device.id))
        assert (one.alone, one.limit_alone) == (alone.total, alone.limit_bytes), one.device.id
        assert reach_of(scenario, one) == (answer.max_context_length, answer.max_batch_size), one.device.id
        if one.fits:
            assert one.seconds_per_token == pytest.approx(seconds_per_token(resolve(asked)))


def test_fewer_than_needed_do_not_fit_and_only_valid_numbers_are_tried():
    """Llama 3.1 70B has 64 query heads and 8 KV heads: 1, 2, 4, 8, 16 ... GPUs, never 3 or 5."""
    scenario = SCENARIOS[1]
    for one in standings(scenario):
        if one.count > 1:
            assert one.count in (2, 4, 8, 16, 32, 64)
            fewer = replace(scenario, device=one.device.id, tensor_parallel=one.count // 2)
            assert not fit(fewer).fits


def test_the_scenarios_own_device_and_number_do_not_matter():
    start = SCENARIOS[1]
    assert standings(start) == standings(replace(start, device="l4", tensor_parallel=4))


def test_an_engine_is_not_guessed_to_run_where_it_does_not():
    found = {one.device.id: one for one in standings(SCENARIOS[1])}
    assert found["m4-max-128gb"].refusal == "vLLM does not run on Apple GPUs"
    assert verdict(found["m4-max-128gb"], "vLLM") == "not with vLLM" and not found["m4-max-128gb"].fits
    named = {vendor for engine in engines().values() for vendor in engine.facts.runs_on}
    assert named == {device.vendor for device in devices().values()}


def test_computers_with_unified_memory_stand_alone_in_llama_cpp():
    for one in standings(Scenario("llama-3.1-405b", engine="llama.cpp", weights="q8_0", context_length=1024)):
        if one.device.kind == "unified":
            assert one.count in (0, 1)
            assert one.count == (1 if one.alone <= one.limit else 0)


@pytest.mark.parametrize("scenario", SCENARIOS[:2], ids=["transformers", "vllm"])
def test_all_devices_are_answered_at_once(scenario: Scenario):
    """40 to 80 ms on two idle cores for all presets in every valid number; the bound leaves room for busy ones."""
    standings(scenario)
    _standings.cache_clear()
    began = time.process_time()
    standings(scenario)
    assert time.process_time() - began < 0.3


def test_an_own_device_stands_like_a_preset_of_the_same_numbers():
    preset = devices()["h100-sxm-80gb"]
    own = own_device(preset.usable_bytes / 2**30, preset.bandwidth_gbps or 0, preset.bf16_tflops or 0, "other")
    assert own and own.usable_bytes == preset.usable_bytes
    found = standings(SCENARIOS[0], own)
    assert found[0].device is own and len(found) == len(devices()) + 1
    plain = resolve(SCENARIOS[0])
    answer = fit_deployment(on(plain, own, SCENARIOS[0]))
    assert (found[0].total, found[0].longest_context) == (answer.total, answer.max_context_length)
    h100 = next(one for one in found if one.device.id == "h100-sxm-80gb")
    assert found[0].seconds_per_token == h100.seconds_per_token
    assert own_device(0, 1000, 100, "NVIDIA") is None
    unknown = own_device(80, 0, 0, "NVIDIA")
    assert unknown and standings(SCENARIOS[0], unknown)[0].seconds_per_token is None


def test_a_price_is_the_users_and_nothing_is_invented():
    one = next(found for found in standings(SCENARIOS[1]) if found.device.id == "h100-sxm-80gb")
    cost = per_million_tokens(one, 2, 3.6)
    assert one.count == 4 and one.seconds_per_token
    assert cost == pytest.approx(3.6 * 4 / 3600 * one.seconds_per_token / 2 * 1e6)
    assert DEFAULTS["hardware_prices"] == ""
    assert read_prices("l4:0.8,h100-sxm-80gb:2.5") == {"l4": 0.8, "h100-sxm-80gb": 2.5}
    assert read_prices(write_prices({"own": 1.25, "t4": 100.0})) == {"own": 1.25, "t4": 100.0}
    many = dict.fromkeys(list(devices())[:20], 1.0)
    assert list(read_prices(write_prices(many))) == list(many)[-8:]


@pytest.mark.parametrize("text", ["l4", "l4:", "l4:-1", "l4:0", "l4:nan", "l4:inf", "l4:1e9", "x:1", "l4:1:2", "<b>:1"])
def test_what_is_no_price_is_refused(text: str):
    with pytest.raises(InputError):
        read_prices(text)


def test_orders_put_what_fits_first():
    found = standings(SCENARIOS[1])
    prices = {"h100-sxm-80gb": 2.5, "h200-sxm": 4.0}
    assert tuple(SORTS) == HARDWARE_SORTS
    for sort in SORTS:
        order = ranked(found, sort, prices, 2)
        places = [2 if one.refusal else 0 if one.fits else 1 for one in order]
        assert places == sorted(places) and len(order) == len(found)
    fastest = ranked(found, "speed", {}, 2)[0].seconds_per_token
    assert fastest == min(one.seconds_per_token for one in found if one.seconds_per_token)
    assert {one.device.id for one in ranked(found, "price", prices, 2)[:2]} == set(prices)
    assert {one.device.vendor for one in shown(found, "AMD", "all")} == {"AMD"}
    near = nearest(found, "t4", 5)
    assert len(near) == 5 and "t4" in {one.device.id for one in near}
    assert [one.limit for one in near] == sorted((one.limit for one in near), reverse=True)


ANSWERS = (
    ("NVIDIA H200, 143771\n", [("NVIDIA H200", 143771, 1)], "h200-sxm"),
    ("NVIDIA A100-SXM4-80GB, 81920\nNVIDIA A100-SXM4-80GB, 81920\n", [("NVIDIA A100-SXM4-80GB", 81920, 2)], "a100"),
    ("NVIDIA GeForce RTX 4090, 24564\n", [("NVIDIA GeForce RTX 4090", 24564, 1)], "rtx-4090"),
    ("NVIDIA H100 80GB HBM3, 81559\n", [("NVIDIA H100 80GB HBM3", 81559, 1)], "h100"),
    ("Tesla T4, 15360\n", [("Tesla T4", 15360, 1)], "t4"),
    ("NVIDIA Z9000, 999999\n", [("NVIDIA Z9000", 999999, 1)], None),
    ("", [], None),
    ("No devices were found\n", [], None),
    ("NVIDIA L4, [N/A]\nNVIDIA L4, -5\n, 23034\n", [], None),
    ('"<script>x</script>, [a](b)", 23034\n', [("<script>x</script>, [a](b)", 23034, 1)], None),
    ("x" * 100_000 + ", 1\n", [], None),
)
"""Lines as nvidia-smi prints them for name and memory.total, and lines that it should not print."""


@pytest.mark.parametrize(("text", "expected", "preset"), ANSWERS, ids=range(len(ANSWERS)))
def test_the_drivers_answer_is_read_as_data(text: str, expected: list[tuple[str, int, int]], preset: str | None):
    found = read_answer(text)
    assert found == tuple(ServerGpu(*one) for one in expected)
    for gpu in found:
        like = preset_of(gpu, devices())
        assert (like is None) if preset is None else (like is not None and like.id.startswith(preset))


@pytest.mark.parametrize(
    "error", [subprocess.TimeoutExpired("nvidia-smi", 3), OSError("no such file"), PermissionError("not allowed")]
)
def test_a_driver_tool_that_hangs_or_fails_is_no_gpu(error: Exception):
    def run(*_: object, **kept: object) -> subprocess.CompletedProcess[str]:
        assert kept["timeout"] == 3
        raise error

    assert _ask("nvidia-smi", run) == ""
    assert _ask("nvidia-smi", lambda *_, **__: subprocess.CompletedProcess([], 9, "NVIDIA L4, 23034", "")) == ""


def test_own_devices_are_devices():
    assert isinstance(own_device(1, 0, 0, "AMD"), Device)
