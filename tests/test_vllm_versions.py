"""Versions of vLLM: each carries its own constants with their sources, ranges where the engine states none, and its own way to count."""

import json

import pytest

from dashboard.parameters import PARAMETERS
from memory_model import InputError, Scenario, estimate
from memory_model.__main__ import main
from memory_model.command_line.explain import lines
from memory_model.engines.vllm.runner import runner_of
from memory_model.presets import _other_version, engines
from memory_model.resolve import resolve
from memory_model.result import result
from memory_model.units import GIB

NAMES = engines()["vllm"].version_names
NEWEST = max(NAMES, key=lambda name: [int(part) for part in name.split(".")])


@pytest.mark.parametrize(
    ("asked", "version", "share"),
    [
        (None, "0.19.0 (V1 engine)", 0.9),
        ("0.19", "0.19.0 (V1 engine)", 0.9),
        ("0.19.0 (V1 engine)", "0.19.0 (V1 engine)", 0.9),
        ("0.11", "0.11", 0.9),
        ("0.12.0", "0.12", 0.9),
        ("0.17.1", "0.17", 0.9),
        ("0.21", "0.21", 0.92),
        ("0.25.1", "0.25", 0.92),
        ("0.26.0", "0.26", 0.92),
        ("0.29", "0.29", 0.92),
    ],
)
def test_a_version_carries_its_own_constants(asked, version, share):
    keys = result(Scenario(model="llama-3.1-8b", engine="vllm", engine_version=asked))["scenario"]
    assert keys["engine_version"] == version
    assert keys["gpu_memory_utilization"] == share


def test_a_link_names_a_version_in_any_spelling():
    read = next(parameter.read for parameter in PARAMETERS if parameter.key == "engine_version")
    assert [read(text) for text in ("0.25", "0.25.1", "0.19.0 (V1 engine)", "5.23.0")] == [
        "0.25",
        "0.25",
        "0.19",
        "5.23",
    ]
    with pytest.raises(InputError):
        read("9")


def test_ranges_and_versions_are_in_the_json(capsys):
    found = result(Scenario(model="llama-3.1-8b", engine="vllm"))
    low, high = found["between"]["overhead"]
    assert low < found["components"]["overhead"] < high
    assert main(["engines", "--json"]) == 0
    listed = {engine["id"]: engine["versions"] for engine in json.loads(capsys.readouterr().out)}
    assert listed["vllm"] == NAMES and NAMES[0] == "0.19"


@pytest.mark.parametrize(
    ("engine", "short"), [("transformers", "5.23"), ("transformers", "5.23.0"), ("llama.cpp", "0c1e57098")]
)
def test_a_version_may_be_named_in_short(engine, short):
    known = engines()[engine]
    assert known.of_version(short).facts == known.of_version(known.facts.version).facts == known.facts


def test_samplers_before_0_17_took_more_than_twice_as_much():
    def peak(version):
        return estimate(Scenario(model="llama-3.1-8b", engine="vllm", engine_version=version))["activations"].bytes

    assert peak("0.17") == peak("0.19")
    assert 2.5 < peak("0.11") / peak("0.19") < 2.7


def test_buffers_of_experts_are_kept_beside_the_sampler_from_0_17_on():
    def held(version):
        scenario = Scenario("qwen3-30b-a3b", engine="vllm", engine_version=version, device="h100-sxm-80gb")
        return [term.label for term in estimate(scenario)["activations"].terms if "experts" in term.label]

    assert (held("0.11"), held("0.17"), held("0.19")) == ([], ["workspace of experts"], ["workspace of experts"])


def test_graphs_are_inside_the_share_from_0_21_on():
    def pool(version):
        keys = {"model": "llama-3.1-8b", "engine": "vllm", "device": "h100-sxm-80gb", "gpu_memory_utilization": 0.9}
        return result(Scenario(**keys, engine_version=version))["device"]["kv_pool"]

    graphs = engines()["vllm"].of_version("0.21").facts.constants["graphs_gib"]
    assert pool("0.19") - pool("0.21") == int(graphs * GIB)


@pytest.mark.parametrize(
    ("model", "seconds"),
    [
        ("llama-3.1-8b", ["0.26", "0.29"]),
        ("gemma-3-27b-it", ["0.26", "0.29"]),
        ("qwen3-30b-a3b", ["0.29"]),
        ("qwen3.5-27b", ["0.29"]),
    ],
)
def test_the_second_model_runner_has_dense_models_first(model, seconds):
    """Its sampler copies no logits to float32, and it takes no CUDA graphs off the pool."""
    found = []
    for version in ("0.21", "0.25", "0.26", "0.29"):
        deployment = resolve(Scenario(model, engine="vllm", engine_version=version, device="h100-sxm-80gb"))
        runner = runner_of(deployment, deployment.engine.facts)
        assert runner.graphs_within_share == (runner.bytes_per_logit == 14.5)
        if not runner.graphs_within_share:
            found.append(version)
    assert found == seconds


def test_the_defaults_of_large_gpus_grew_with_0_29():
    def step(device, version):
        scenario = Scenario("llama-3.1-8b", engine="vllm", engine_version=version, device=device)
        return result(scenario)["scenario"]["step_tokens"]

    assert [step("h100-sxm-80gb", version) for version in ("0.26", "0.29")] == [8192, 16384]
    assert [step("a100-sxm-80gb", version) for version in ("0.26", "0.29")] == [2048, 16384]
    assert step("rtx-4090", "0.29") == 2048


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("99.0.1", f"no constants of vLLM 99.0.1 are known; {NEWEST} is the newest that is known; use {NEWEST}"),
        ("0.14.1", "no constants of vLLM 0.14.1 are known; use 0.12"),
        ("0.6.6", "no constants of vLLM 0.6.6 are known; use 0.11"),
        ("nightly", "unknown version 'nightly'; known: " + ", ".join(sorted(NAMES))),
    ],
)
def test_a_version_without_constants_names_the_one_that_stands_for_it(asked, message):
    with pytest.raises(InputError) as error:
        estimate(Scenario("llama-3.1-8b", engine="vllm", engine_version=asked))
    assert str(error.value) == f"engine_version: {message}"


def test_graphs_and_libraries_are_ranges_around_what_is_counted():
    found = estimate(Scenario(model="llama-3.1-8b", engine="vllm"))["overhead"]
    low, high = found.between
    constants = engines()["vllm"].facts.constants
    for end, name in ((low, "low"), (high, "high")):
        off = (
            constants[f"graphs_{name}_gib"]
            - constants["graphs_gib"]
            + constants[f"non_torch_{name}_gib"]
            - constants["non_torch_gib"]
        )
        assert end - found.bytes == pytest.approx(off * GIB, abs=3)
    text = "\n".join(lines(resolve(Scenario(model="llama-3.1-8b", engine="vllm")), "overhead"))
    assert f"between {low:,} bytes" in text


def test_several_gpus_take_buffers_before_the_profile_that_the_share_does_not_count():
    keys = {"model": "llama-3.1-8b", "engine": "vllm", "device": "h100-sxm-80gb"}
    one, tensor, pipeline = (
        estimate(Scenario(**keys, **more))["overhead"].bytes
        for more in ({}, {"tensor_parallel": 2}, {"pipeline_parallel": 2})
    )
    assert tensor - one == pytest.approx((1.02 + 2.1 - 0.25) * GIB, abs=3)
    assert pipeline - one == pytest.approx((0.94 + 0.07 - 0.25) * GIB, abs=3)


def test_every_constant_has_a_source():
    for facts in engines()["vllm"].versions:
        assert set(facts.constants) == set(facts.sources)
    with pytest.raises(InputError) as error:
        _other_version({"name": "vllm"}, "0.30", {"constants": {"non_torch_gib": 0.4}})
    assert str(error.value) == (
        "vllm.yaml › versions › 0.30 › constants › non_torch_gib: no source of its own; add it under sources"
    )
