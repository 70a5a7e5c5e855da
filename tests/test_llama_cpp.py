"""llama.cpp against what the engine itself allocated: weights, cache and host buffers byte for byte."""

from functools import cache

import pytest

from memory_model import InputError, Scenario, estimate
from memory_model.accuracy.llama_cpp import ALIKE, NO_PRESET, llama_cpp_scenario
from memory_model.accuracy.measured import table
from memory_model.architectures import read_config
from memory_model.estimate import breakdown, over_grid
from memory_model.presets import load_model
from memory_model.resolve import resolve

OPTIONAL_NORMS = {"tiiuae/Falcon-H1-7B-Base": 44 * 3072 * 4}
"""Bytes of a norm in every layer that the checkpoint has and the measured file of empty weights left out."""
FOUND = [row for row in table("llamacpp.csv") if row["model"] not in NO_PRESET]


@cache
def found(index):
    memory = breakdown(resolve(llama_cpp_scenario(FOUND[index])))
    return memory, {part.name: part.bytes for part in memory.host}


def output_buffer(row):
    return 4 * int(row["n_seq"]) * load_model(ALIKE.get(row["model"], row["model"])).vocab_size


@pytest.mark.parametrize("index", range(len(FOUND)))
def test_weights_and_cache_are_exact_on_device_and_host(index):
    row, (memory, host) = FOUND[index], found(index)
    norms = OPTIONAL_NORMS.get(row["model"], 0)
    on_gpu = row["placement"] == "one-gpu"
    assert memory["weights"].bytes == int(row["weights_device"]) + (norms if on_gpu else 0)
    assert host["weights"] == int(row["weights_host"]) + (0 if on_gpu else norms)
    assert memory["kv_cache"].bytes == int(row["context_device"])
    assert host["kv_cache"] == int(row["context_host"])


@pytest.mark.parametrize(
    ("model", "keys", "weights", "cache", "host"),
    [
        ("deepseek-v4-flash", {"context_length": 8192}, 171613474816, 106315776, 297861120),
        (
            "deepseek-v4-flash",
            {"batch_size": 3, "step_tokens": 64, "kv_cache": "q8_0"},
            171613474816,
            150686208,
            297861120,
        ),
        (
            "deepseek-v4-flash",
            {"context_length": 1024, "batch_size": 4, "kv_unified": True},
            171613474816,
            315162624,
            297861120,
        ),
        ("minimax-m3", {"context_length": 8192}, 257307078144, 1245708288, 691421184),
        ("kimi-k3", {"context_length": 8192}, 1681008692480, 691126272, 660602880),
    ],
)
def test_weights_and_caches_of_compressors_and_of_indexers_that_pick_blocks(model, keys, weights, cache, host):
    """q4_k_m on one GPU, as 0c1e57098 placed them (created by the probe of `tests/measured/README.md`)."""
    memory = estimate(Scenario(**({"model": model, "engine": "llama.cpp", "weights": "q4_k_m"} | keys)))
    assert (memory["weights"].bytes, memory["kv_cache"].bytes) == (weights, cache)
    assert memory.host[0].bytes == host


@pytest.mark.parametrize("index", [i for i, row in enumerate(FOUND) if row["placement"] == "one-gpu"])
def test_the_host_buffer_beside_a_gpu_is_exact(index):
    row, (_, host) = FOUND[index], found(index)
    assert host["activations"] == int(row["compute_host"]) + output_buffer(row)


@pytest.mark.parametrize("index", range(len(FOUND)))
def test_the_compute_buffer_is_exact_on_its_device(index):
    row, (memory, host) = FOUND[index], found(index)
    if row["placement"] == "one-gpu":
        assert memory["activations"].bytes == int(row["compute_device"])
    else:
        assert host["activations"] == int(row["compute_host"]) + output_buffer(row)


def test_on_the_cpu_everything_is_in_host_memory():
    memory = estimate(Scenario(model="llama-3.1-8b", engine="llama.cpp", weights="q4_k_m", placement="cpu"))
    assert memory.bytes == 0
    assert [part.name for part in memory.host] == ["weights", "kv_cache", "activations"]
    assert all(part.bytes > 0 for part in memory.host)


def test_a_tied_embedding_is_held_twice():
    memory = estimate(Scenario(model="llama-3.2-1b-instruct", engine="llama.cpp", weights="q4_k_m"))
    assert {term.label for term in memory["weights"].terms} >= {"token_embd"}
    assert {term.label for term in memory.host[0].terms} == {"token_embd"}


@pytest.mark.parametrize("unified", [False, True])
@pytest.mark.parametrize("model", ["llama-3.1-8b", "gemma-3-27b-it", "deepseek-v3", "gpt-oss-20b"])
def test_a_grid_holds_the_points(model, unified):
    asked = Scenario(model=model, engine="llama.cpp", weights="q4_k_m", kv_unified=unified)
    contexts, batches = [1, 255, 257, 1000, 8191, 131072], [1, 3, 64]
    grid = over_grid(resolve(asked), contexts, batches)
    for i, context in enumerate(contexts):
        for j, batch in enumerate(batches):
            keys = {"model": model, "engine": "llama.cpp", "weights": "q4_k_m", "kv_unified": unified}
            for part in estimate(Scenario(**keys, context_length=context, batch_size=batch)):
                assert grid.components[part.name][i, j] == part.bytes


def test_published_means_a_file_of_the_same_type():
    def weights(model, name):
        return estimate(Scenario(model=model, engine="llama.cpp", weights=name))["weights"].bytes

    assert weights("llama-3.1-8b", "published") == weights("llama-3.1-8b", "bf16")
    assert weights("deepseek-v3", "published") == weights("deepseek-v3", "bf16")
    assert weights("gpt-oss-20b", "published") == weights("gpt-oss-20b", "mxfp4_moe")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"weights": "awq-int4"},
            "weights: awq-int4 has no GGUF equivalent, which llama.cpp needs; use bf16, q8_0 or q4_k_m",
        ),
        (
            {"kv_cache": "fp8"},
            "kv_cache: fp8 is not an option of llama.cpp; "
            "known: fp32, fp16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0, q5_1",
        ),
        (
            {"kv_cache": "q8_0", "attention": "plain"},
            "kv_cache: llama.cpp needs flash attention for quantised values; use attention flash",
        ),
        (
            {"model": "deepseek-v3", "kv_cache": "q8_0:f16"},
            "kv_cache: q8_0:fp16 differs for keys and values, but latent attention stores one row for both; use q8_0",
        ),
        (
            {"model": "opt-6.7b"},
            "model: llama.cpp 0c1e57098 has no architecture for model_type opt; use transformers or vllm",
        ),
        (
            {"model": "recurrentgemma-2b", "weights": "bf16"},
            "model: llama.cpp 0c1e57098 has no architecture for model_type recurrent_gemma; use transformers or vllm",
        ),
        (
            {"model": "llama-3.2-11b-vision-instruct"},
            "model: llama.cpp 0c1e57098 has no architecture for model_type mllama; use transformers or sglang",
        ),
        ({"tensor_parallel": 2}, "tensor_parallel: llama.cpp has no such option; leave it out"),
        ({"attention": "sdpa"}, "attention: sdpa is not an option of llama.cpp; known: flash, plain"),
    ],
)
def test_what_the_engine_refuses(keys, message):
    with pytest.raises(InputError) as error:
        estimate(Scenario(**({"model": "llama-3.1-8b", "engine": "llama.cpp", "weights": "q4_k_m"} | keys)))
    assert str(error.value) == message


def test_a_refusal_names_no_engine_that_refuses_too():
    shape = read_config({"model_type": "gpt_neo"}, "gpt-neo")
    with pytest.raises(InputError, match=r"has no architecture for model_type gpt_neo; use transformers$"):
        resolve(Scenario("gpt-neo", engine="llama.cpp", weights="bf16"), shape)
