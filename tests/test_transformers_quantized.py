"""transformers with weights in 4 bits, int8 or fp8, against what its code and that of bitsandbytes allocated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memory_model import estimate
from memory_model.accuracy.measured import table
from memory_model.accuracy.transformers import measured_shape, transformers_mode
from memory_model.amount import Evidence
from memory_model.estimate import breakdown, over_grid
from memory_model.resolve import resolve
from memory_model.scenario import Scenario
from memory_model.weights import weights as weights_of

ROWS = table("transformers_quantized_weights.csv")
HELD_OUT = table("transformers_quantized_weights_held_out.csv")
FP8 = table("transformers_fp8_weights.csv")
FP8_HELD_OUT = table("transformers_fp8_weights_held_out.csv")
MARLIN = table("transformers_marlin_weights.csv") + table("transformers_marlin_weights_held_out.csv")
UNPACKED = table("transformers_unpacked_weights_held_out.csv")  # the others are in the accuracy table
FREED = 2 * 14336 * 4096
"""Bytes of the largest matrix of Llama 3.1 8B in 16 bits."""


def check(row):
    """Cache and activations of a row; where the GPU decides what is unpacked, the end that was measured."""
    memory = breakdown(transformers_mode(row))
    found = memory["activations"]
    assert memory["kv_cache"].bytes == int(row["cache"]), row
    if row["unpacks"] == "no":
        assert found.between is not None
        assert found.between[0] == int(row["activations"]), row
    else:
        assert found.bytes == int(row["activations"]), row
    assert (found.evidence is Evidence.ASSUMED) == (row["unpacks"] != ""), row


@pytest.mark.parametrize("config", sorted({row["config"] for row in ROWS}))
def test_cache_and_peak_equal_what_was_measured(config):
    for row in ROWS:
        if row["config"] == config:
            check(row)


@pytest.mark.parametrize("config", sorted({row["config"] for row in HELD_OUT}))
def test_models_lengths_and_batches_that_were_not_used_to_find_the_rules(config):
    for row in HELD_OUT:
        if row["config"] == config:
            check(row)


def check_fp8(row):
    """Cache and activations of a row; on Hopper also the end without DeepGEMM, which is that of other GPUs."""
    memory = breakdown(transformers_mode(row))
    found = memory["activations"]
    assert memory["kv_cache"].bytes == int(row["cache"]), row
    assert found.bytes == int(row["activations"]), row
    assert (found.evidence is Evidence.MEASURED) == (row["weights"] == "fp8-block" and not row["device"]), row
    if row["device"]:
        elsewhere = breakdown(transformers_mode({**row, "device": ""}))["activations"]
        assert found.between == (elsewhere.bytes, found.bytes), row


@pytest.mark.parametrize("config", sorted({row["config"] for row in FP8}))
def test_fp8_weights_with_the_kernels_of_the_hub_and_with_deepgemm(config):
    for row in FP8:
        if row["config"] == config:
            check_fp8(row)


@pytest.mark.parametrize("config", sorted({row["config"] for row in FP8_HELD_OUT}))
def test_fp8_weights_of_models_that_were_not_used_to_find_the_rules(config):
    for row in FP8_HELD_OUT:
        if row["config"] == config:
            check_fp8(row)


@pytest.mark.parametrize("config", sorted({row["config"] for row in MARLIN}))
def test_awq_and_gptq_with_marlin_on_gpus_of_many_sizes(config):
    for row in MARLIN:
        if row["config"] == config:
            memory = breakdown(transformers_mode(row))
            found = memory["activations"]
            assert (memory["kv_cache"].bytes, found.bytes) == (int(row["cache"]), int(row["activations"])), row
            assert found.evidence is Evidence.MEASURED, row


@pytest.mark.parametrize("config", sorted({row["config"] for row in UNPACKED}))
def test_compressed_tensors_unpacks_the_weights_in_the_first_pass_and_rounds_inputs(config):
    for row in UNPACKED:
        if row["config"] == config:
            memory = breakdown(transformers_mode(row))
            found = memory["activations"]
            assert memory["weights"].bytes == int(row["weight_bytes"]), row
            assert (memory["kv_cache"].bytes, found.bytes) == (int(row["cache"]), int(row["activations"])), row


def activations(**keys):
    """The activations of Llama 3.1 8B, unless another model is named."""
    return breakdown(resolve(Scenario(**{"model": "llama-3.1-8b", "weights": "nf4", "phase": "decode", **keys})))[
        "activations"
    ]


def test_a_few_rows_multiply_by_the_packed_matrix():
    assert activations(batch_size=4).bytes == activations(batch_size=4, weights="bf16").bytes
    assert activations(batch_size=4).between is None
    assert activations(batch_size=4).evidence is Evidence.MEASURED


def test_between_5_and_1536_rows_the_gpu_decides_and_both_ends_are_given():
    found = activations(batch_size=5, context_length=64)
    least, most = found.between
    assert least == activations(batch_size=5, context_length=64, weights="bf16").bytes
    assert most == found.bytes > least
    assert most > FREED
    assert found.evidence is Evidence.ASSUMED
    assert activations(phase="prefill", context_length=1536).between is not None
    assert activations(phase="prefill", context_length=1537).between is None


def test_a_long_prompt_unpacks_the_matrix_at_which_most_is_alive():
    prompt = activations(phase="prefill", context_length=2048)
    assert prompt.busiest.name == "up_proj being unpacked"
    unpacked = next(term for term in prompt.terms if term.label == "unpacked matrix")
    assert unpacked.bytes == FREED
    double = activations(phase="prefill", context_length=2048, weights="nf4-dq")
    assert double.bytes - prompt.bytes == 2 * 4 * 14336 * 4096 // 64  # scales in float32, twice


def test_eight_bits_take_more_a_token_than_sixteen():
    keys = {"phase": "prefill", "context_length": 8192}
    per_token = (activations(**keys, weights="int8").bytes - activations(**keys, weights="bf16").bytes) / 8192
    inner, hidden = 14336, 4096
    assert per_token == 8 * inner + 2 * inner - 3 * 2 * inner + hidden + 4


def test_hqq_unpacks_a_matrix_for_every_product_in_three_steps_of_its_size():
    step = activations(weights="hqq-4bit")
    assert step.evidence is Evidence.MEASURED
    assert step.busiest.name == "up_proj being unpacked"
    assert 3 * FREED < step.bytes < 3.01 * FREED


def test_a_model_in_float16_needs_no_copies_in_float16():
    model = measured_shape("llama-3.1-8b-3-layers")
    keys = {"model": "m", "weights": "int8", "phase": "prefill", "context_length": 2000}
    in_bf16 = breakdown(resolve(Scenario(**keys), model))["activations"].bytes
    in_fp16 = breakdown(resolve(Scenario(**keys), replace(model, dtype="fp16")))["activations"].bytes
    assert in_bf16 - in_fp16 == 2000 * 14336 * 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"model": "falcon-7b"}, "weights: nf4 leaves every matrix of Falcon as it is"),
        ({"model": "deepseek-v2-lite", "weights": "int8"}, "weights: int8 fails in latent attention"),
        ({"model": "falcon-7b", "weights": "hqq-4bit"}, "weights: HQQ leaves every matrix of falcon as it is"),
        ({"model": "gpt2", "weights": "w4a16"}, "weights: compressed-tensors leaves every matrix of gpt2"),
        ({"model": "mixtral-8x7b-v0.1", "weights": "w8a8"}, "weights: transformers fails to load experts in int8"),
        ({"model": "gpt2", "weights": "hqq-4bit"}, "weights: HQQ leaves every matrix of gpt2 as it is"),
        ({"model": "falcon-mamba-7b", "weights": "hqq-4bit"}, "weights: HQQ fails in Mamba"),
        ({"model": "deepseek-v3.2", "weights": "hqq-4bit"}, "weights: HQQ fails in sparse attention"),
        (
            {"model": "gemma-3n-e2b-it", "weights": "hqq-4bit"},
            "weights: HQQ fails at altup.correction_coefs, whose 4 x 4 values",
        ),
    ],
)
def test_what_is_not_quantised_or_cannot_run_is_refused(keys, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        activations(**keys)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("awq-int4", "not counted without an NVIDIA device"),
        ("gptq-int4", "not counted without an NVIDIA device"),
        ("fp8", "one scale a matrix"),
    ],
)
def test_what_was_not_run_is_assumed_and_says_why(weights, said):
    found = activations(weights=weights)
    assert found.evidence is Evidence.ASSUMED
    assert said in found.note


@pytest.mark.parametrize("weights", ["w4a16", "w8a8", "fp8-channel", "nvfp4"])
def test_what_compressed_tensors_loads_takes_as_much_as_in_16_bits_and_its_scales(weights):
    keys = {"model": "llama-3.1-8b", "weights": weights}
    stays = estimate(Scenario(engine="transformers", **keys))["weights"]
    stored = weights_of(resolve(Scenario(engine="transformers", **keys))).bytes
    in_16_bits = estimate(Scenario(engine="transformers", model="llama-3.1-8b", weights="bf16"))["weights"].bytes
    assert in_16_bits < stays.bytes < 1.06 * in_16_bits
    assert stays.evidence is Evidence.MEASURED
    assert f"the checkpoint stores {stored:,} bytes" in stays.note


def test_the_last_matrix_is_unpacked_beside_its_codes():
    for weights, bytes_a_value in (("w4a16", 0.5 + 1 + 2), ("w8a8", 1 + 2)):
        found = activations(weights=weights, phase="prefill", context_length=1)
        assert found.busiest.name == "down_proj being unpacked"
        assert found.bytes == bytes_a_value * 14336 * 4096 - 32 * 2 * 2 * 1024  # less the cache of one token
    assert activations(weights="w4a16").bytes == activations(weights="bf16").bytes


@pytest.mark.parametrize(
    ("device", "keys", "said"),
    [
        ("a100-sxm-80gb", {}, None),
        ("t4", {"weights": "gptq-int4"}, None),
        ("t4", {}, "Machete"),  # AWQ's Marlin starts at compute capability 8.0
        ("h100-sxm-80gb", {}, "Machete"),
        ("rtx-5090", {}, "Swordfish"),
        ("mi300x", {}, "not counted without an NVIDIA device"),
        ("a100-sxm-80gb", {"model": "mixtral-8x7b-v0.1"}, "experts are counted in 16 bits"),
    ],
)
def test_the_gpu_decides_which_kernel_multiplies_by_awq(device, keys, said):
    found = activations(**{"weights": "awq-int4", "device": device, **keys})
    assert (found.evidence is Evidence.MEASURED) == (said is None)
    assert said is None or said in found.note


def test_partial_sums_go_with_the_multiprocessors_and_up_to_64_rows():
    for rows, tile in ((1, 16), (17, 32), (64, 64), (1000, 64)):
        found = activations(weights="gptq-int4", device="a100-sxm-80gb", batch_size=rows, context_length=1)
        sums = {term.bytes for moment in found.moments for term in moment.terms if term.label == "partial sums"}
        assert sums == {108 * tile * 256 * 4}


@pytest.mark.parametrize(
    ("device", "said"),
    [("h100-sxm-80gb", "DeepGEMM casts the input"), ("a100-sxm-80gb", "unpacked on loading"), ("rtx-4090", None)],
)
def test_the_gpu_decides_what_becomes_of_fp8(device, said):
    found = activations(weights="fp8-block", device=device, phase="prefill", context_length=4096)
    assert (found.evidence is Evidence.MEASURED) == (said is None)
    assert said is None or said in found.note


def test_fp8_of_a_model_without_plain_linear_layers_is_assumed():
    found = activations(model="gpt2", weights="fp8-block", context_length=512)
    assert found.evidence is Evidence.ASSUMED
    assert "leaves every matrix" in found.note


def test_experts_in_mxfp4_allocate_what_their_python_does():
    for row in table("transformers_mxfp4_weights.csv"):
        memory = breakdown(transformers_mode(row))
        assert memory["kv_cache"].bytes == int(row["cache"]), row
        assert memory["activations"].bytes == int(row["activations"]), row


def test_experts_in_mxfp4_write_one_row_for_each_choice():
    prompt = activations(model="gpt-oss-20b", weights="mxfp4", phase="prefill", context_length=8192)
    assert prompt.evidence is Evidence.ASSUMED
    assert "matmul_ogs" in prompt.note
    rows, chosen, values = 8192, 4, 2880
    moment = next(moment for moment in prompt.moments if moment.name.startswith("experts' output"))
    by_label = {term.label: term.bytes for term in moment.terms}
    assert by_label["product"] == by_label["down output"] == rows * chosen * values * 2
    assert by_label["routed output"] == rows * values * 2


@pytest.mark.parametrize(
    "weights", ["nf4", "nf4-dq", "int8", "fp8-block", "fp8", "hqq-4bit", "mxfp4", "gptq-int4", "w4a16", "nvfp4"]
)
@pytest.mark.parametrize("phase", ["prefill", "decode", "peak"])
def test_a_grid_equals_its_points(weights, phase):
    contexts, batches = (3, 100, 400, 1536, 1537, 5000), (1, 4, 5, 16)
    keys = {"model": "gpt-oss-20b" if weights == "mxfp4" else "qwen3-8b", "weights": weights, "phase": phase}
    if weights == "gptq-int4":
        keys["device"] = "a100-sxm-80gb"
    grid = over_grid(resolve(Scenario(**keys)), contexts, batches).bytes
    for i, context in enumerate(contexts):
        for j, batch in enumerate(batches):
            point = breakdown(resolve(Scenario(**keys, context_length=context, batch_size=batch)))
            assert grid[i, j] == point.bytes
