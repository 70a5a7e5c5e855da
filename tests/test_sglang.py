"""SGLang against what it printed: bytes per token, weights of a GPU, pool; and the defaults that its code computes."""

import numpy as np
import pytest

from memory_model import InputError, Scenario, estimate
from memory_model.accuracy.measured import table
from memory_model.accuracy.servers import SHARED, sglang_deployment
from memory_model.engines.sglang.settings import static_share
from memory_model.estimate import breakdown, over_grid
from memory_model.fit import fit_deployment
from memory_model.presets import devices, engines, load_model
from memory_model.resolve import resolve
from memory_model.result import result
from memory_model.units import GIB

ROWS = table("sglang.csv")
WEIGHTS = [row for row in ROWS if row["weights_gib"] and row["attention_parallel"] == row["tensor_parallel"]]
"""Without the runs that divide attention and experts by different numbers of GPUs, which no scenario names."""
POOLS = [row for row in ROWS if row["pool_gib"] and row["tokens"]]


def of_log(row):
    return row["log"]


def rounding(row):
    """Keys and values are printed apart, each to 0.01 GiB; the pool has a page to spare."""
    return 2 * 0.005 / float(row["pool_gib"]) + 2e-4


@pytest.mark.parametrize("row", [row for row in POOLS if row["kv_cache"] != "fp4"], ids=of_log)
def test_bytes_per_token(row):
    found = int(breakdown(sglang_deployment(row))["kv_cache"].bytes) / int(row["context_length"])
    assert found == pytest.approx(float(row["pool_gib"]) * GIB / int(row["tokens"]), rel=rounding(row))


@pytest.mark.parametrize("row", [row for row in POOLS if row["kv_cache"] == "fp4"], ids=of_log)
def test_fp4_takes_a_quarter_and_its_scales_where_they_are_printed(row):
    quarter = int(estimate(Scenario(model=row["model"], engine="sglang"))["kv_cache"].bytes) / 8192 / 4
    printed = float(row["pool_gib"]) * GIB / int(row["tokens"])
    assert min(abs(printed / quarter - 1), abs(printed / quarter - 1.125)) < 0.001


@pytest.mark.parametrize("row", WEIGHTS, ids=of_log)
def test_weights_of_a_gpu(row):
    """SGLang prints by how much free memory fell while it loaded: the same to the digit, or more where others take some."""
    more = float(row["weights_gib"]) - int(breakdown(sglang_deployment(row))["weights"].bytes) / GIB
    if row["gpu"] not in SHARED:
        assert -0.005 < more < 0.4
    else:
        assert 0.05 < more < (1.1 if row["weights"] == "w8a8" else 0.46)  # w8a8 on Ascend: not explained


@pytest.mark.parametrize(("gpu", "error"), [("4x H100 80GB", 0.04), ("B200", 0.006), ("GB300", 0.004), ("4x L4", 0.11)])
def test_the_pool_of_gpus_with_a_memory_of_their_own(gpu, error):
    """Of the four L4 it is the 0.25 GiB that loading took beyond the tensors, of 18 GiB that weights and pool share."""
    row = next(row for row in ROWS if row["gpu"] == gpu and row["pool_gib"])
    found = sglang_deployment(row)
    assert found.engine.pool(found).bytes / GIB == pytest.approx(float(row["pool_gib"]), rel=error)
    assert found.engine.pool(found).tokens == pytest.approx(int(row["tokens"]), rel=error)


def test_states_take_their_part_of_the_pool():
    """A log of Qwen3.5 9B on two RTX 4090: 327,310 tokens in 5.00 GiB, states in 4.48."""
    found = sglang_deployment(next(row for row in ROWS if row["log"] == "SG0208"))
    assert found.engine.pool(found).printed_tokens == pytest.approx(327_310, rel=0.012)


@pytest.mark.parametrize(
    ("model", "tensor", "slots", "printed_gib"),
    [("qwen3.6-27b", 1, 360, 0.99 + 50.77), ("nvidia-nemotron-3-nano-30b-a3b-bf16", 4, 2211, 0.44 + 24.84)],
)
def test_a_state_is_as_large_as_its_pool_prints(model, tensor, slots, printed_gib):
    """Qwen3.8 27B, which has the layers of Qwen3.6 27B, and Nemotron 3 Nano: "Mamba Cache is allocated", a slot to spare."""
    scenario = Scenario(model, engine="sglang", tensor_parallel=tensor, context_length=1)
    [states] = [moment for moment in estimate(scenario)["kv_cache"].moments if "states need" in moment.name]
    held = engines()["sglang"].facts.constants["states_per_sequence"]
    each = sum(int(term.bytes) for term in states.terms if term.part == "state") / held
    assert each * (slots + 1) / GIB == pytest.approx(printed_gib, abs=0.011)


@pytest.mark.parametrize("row", table("sglang_states.csv"), ids=lambda row: row["states"])
def test_as_many_requests_run_as_the_states_allow(row):
    held = engines()["sglang"].facts.constants["states_per_sequence"]
    assert min(int(row["states"]) // held, int(row["asked"])) == int(row["running"])


def test_compressed_attention_takes_of_the_pool_what_a_log_prints_for_each_token():
    """DeepSeek-V4-Flash on Ascend in August 2026: bytes_per_full_token=7705.45, states of the others by the sequence."""

    def cache(context):
        return estimate(Scenario("deepseek-v4-flash", engine="sglang", context_length=context))["kv_cache"].bytes

    assert (cache(512_000) - cache(256_000)) / 256_000 == pytest.approx(7705.45, abs=0.005)
    assert cache(256_000) - 256_000 * 7705.45 == pytest.approx(20 * 128 * 4096, rel=1e-3)


def test_long_contexts_leave_the_part_of_the_states_empty():
    def needed(context):
        found = estimate(Scenario("qwen3.5-9b", engine="sglang", context_length=context))["kv_cache"]
        return found.busiest.name, found.bytes / context

    assert needed(131_072) == ("as tokens need it", pytest.approx(1.9 * 32_768, rel=1e-4))
    assert needed(1_024)[0] == "as states need it"


def test_experts_in_mxfp4_are_padded_further_on_blackwell_of_a_data_centre():
    def weights(device):
        return estimate(Scenario("gpt-oss-20b", engine="sglang", device=device))["weights"].bytes / GIB

    row = next(row for row in ROWS if row["model"] == "gpt-oss-20b")
    assert weights("b200-sxm") == pytest.approx(float(row["weights_gib"]), rel=0.03)
    assert weights("rtx-5090") < 12.89 < weights("b200-sxm")


def test_scales_of_mxfp4_lie_on_hopper_as_the_file_and_as_the_kernels_have_them():
    def weights(device):
        return estimate(Scenario("gpt-oss-20b", engine="sglang", device=device))["weights"].bytes

    scales = 24 * 32 * 90 * (2 * 2880 + 3072)
    assert weights("h100-sxm-80gb") - weights("rtx-5090") == pytest.approx(scales, rel=0.03)


@pytest.mark.parametrize("row", [row for row in POOLS if row["gpu"] == "DGX Spark GB10"], ids=of_log)
def test_pools_of_a_machine_that_shares_its_memory_are_smaller(row):
    """The share is taken of what is free, and the operating system and other processes hold some of it."""
    found = sglang_deployment(row)
    assert float(row["pool_gib"]) * GIB < found.engine.pool(found).bytes


@pytest.mark.parametrize(
    ("device", "tensor", "chunk", "share"),
    [
        ("h100-sxm-80gb", 1, 8192, 0.835),  # 1 - (512 + 8,192 x 1.5 + 256 x 2 + 128) / 81,559
        ("h100-sxm-80gb", 8, 8192, 0.818),  # 1 - (512 + 8,192 x 1.5 + 512 x 2 + 1,024) / 81,559
        ("rtx-4090", 1, 2048, 0.847),
        ("l40s", 1, 4096, 0.851),
        ("t4", 1, 2048, 0.757),
        ("h200-sxm", 1, 8192, 0.907),
        ("b200-sxm", 1, 16384, 0.857),
    ],
)
def test_the_share_follows_the_gpu(device, tensor, chunk, share):
    keys = {"model": "llama-3.1-8b", "engine": "sglang", "device": device, "tensor_parallel": tensor}
    found = result(Scenario(**keys))["scenario"]
    assert found["step_tokens"] == chunk
    assert found["mem_fraction_static"] == pytest.approx(share, abs=0.0005)
    assert result(Scenario(**keys, mem_fraction_static=0.7))["scenario"]["mem_fraction_static"] == 0.7


def test_a_vision_tower_takes_of_the_share():
    config = load_model("gemma-3-27b-it").config
    plain, less = (static_share(devices()["h100-sxm-80gb"], 8192, 1, 1, config, vision) for vision in (False, True))
    complexity = 27 * 1152**2 / (24 * 1024**2)
    assert less == pytest.approx(plain * 0.95 * (1 - 0.1 * (complexity - 1)))


def test_it_fits_as_long_as_the_pool_holds_it():
    keys = {"model": "llama-3.1-8b", "engine": "sglang", "device": "h100-sxm-80gb"}
    found = result(Scenario(**keys, context_length=8192, batch_size=8))
    device = found["device"]
    assert device["reserved"] == device["headroom"] == device["kv_pool"] - found["components"]["kv_cache"]
    assert device["kv_tokens"] == device["kv_pool"] // 131072
    assert device["max_batch_size"] == int(device["max_concurrency"])
    assert result(Scenario(**keys))["device"]["max_context_length"] == device["kv_tokens"]


def test_windows_save_slots_only_where_they_have_a_pool_of_their_own():
    def cache(model):
        return estimate(Scenario(model=model, engine="sglang", context_length=131072))["kv_cache"].bytes

    assert cache("gemma-3-27b-it") == 62 * 2 * 16 * 128 * 2 * 131072
    assert cache("gpt-oss-20b") == 2 * 8 * 64 * 2 * (12 * 131072 + 12 * 104858)


@pytest.mark.parametrize("row", table("sglang_windows.csv"), ids=lambda row: row["model"])
def test_slots_of_windows_are_the_share_of_the_tokens_that_logs_print(row):
    share = engines()["sglang"].facts.constants["swa_full_tokens_ratio_elsewhere"]
    page = 256 if "pages" in row["model"] else 1
    assert share * int(row["tokens"]) - int(row["slots_of_windows"]) == pytest.approx(0, abs=page)


def test_latent_rows_are_on_every_gpu_and_heads_are_divided_no_further_than_one():
    def cache(model, size):
        return estimate(Scenario(model=model, engine="sglang", tensor_parallel=size))["kv_cache"].bytes

    assert cache("deepseek-v3", 8) == cache("deepseek-v3", 1) == 61 * 576 * 2 * 8192
    assert cache("llama-3.1-8b", 32) == cache("llama-3.1-8b", 8) == cache("llama-3.1-8b", 1) / 8


@pytest.mark.parametrize(
    "model", ["llama-3.1-8b", "gpt-oss-20b", "deepseek-v3", "deepseek-v4-flash", "qwen3.5-27b", "falcon-h1-7b-base"]
)
def test_a_grid_holds_the_points(model):
    keys = {"model": model, "engine": "sglang", "device": "h200-sxm"}
    contexts, batches = [1, 15, 1000, 131072], [1, 3, 64]
    found = resolve(Scenario(**keys))
    grid = over_grid(found, contexts, batches)
    for i, context in enumerate(contexts):
        for j, batch in enumerate(batches):
            for part in estimate(Scenario(**keys, context_length=context, batch_size=batch)):
                assert grid.components[part.name][i, j] == part.bytes
    assert np.all(np.diff(grid.bytes, axis=0) >= 0)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"kv_cache": "q8_0"}, "kv_cache: q8_0 is not an option of SGLang; known: bf16, fp16, fp8"),
        ({"kv_cache": "fp8:bf16"}, "kv_cache: SGLang keeps keys and values in one format; use fp8"),
        ({"gpu_memory_utilization": 0.9}, "gpu_memory_utilization: SGLang has no such option; leave it out"),
        (
            {"tensor_parallel": 3},
            "tensor_parallel: 3 does not divide the 32 query heads; valid sizes: 1, 2, 4, 8, 16, 32",
        ),
    ],
)
def test_what_the_engine_refuses(keys, message):
    with pytest.raises(InputError) as error:
        estimate(Scenario(**({"model": "llama-3.1-8b", "engine": "sglang"} | keys)))
    assert str(error.value) == message


def test_a_second_gpu_takes_buffers_for_communication():
    """What SGLang itself prints, by what links the GPUs."""
    for device, gib in (("h100-sxm-80gb", 1.375), ("l40s", 1.375), ("rtx-4090", 0.16), ("l4", 0.16), ("mi355x", 3.7)):
        keys = {"model": "llama-3.1-8b", "engine": "sglang", "device": device}
        one, tensor, pipeline = (
            estimate(Scenario(**keys, **more))["overhead"].bytes
            for more in ({}, {"tensor_parallel": 2}, {"pipeline_parallel": 2})
        )
        assert tensor == pipeline == one + int(gib * 2**30)


def test_every_constant_has_a_source():
    facts = engines()["sglang"].facts
    assert set(facts.constants) == set(facts.sources)


def test_the_limit_is_never_more_than_the_gpu():
    for device in ("t4", "h100-sxm-80gb", "mi300x"):
        found = resolve(Scenario(model="qwen3-0.6b", engine="sglang", device=device))
        assert fit_deployment(found).limit_bytes <= devices()[device].usable_bytes
