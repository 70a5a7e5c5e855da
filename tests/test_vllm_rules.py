"""The rules of vLLM: shares, pages, stages, padded experts and images, what is reserved, and what the engine refuses."""

from dataclasses import replace

import numpy as np
import pytest

from memory_model import InputError, Scenario, estimate
from memory_model.architectures import read_config
from memory_model.engines.vllm.allocator import left
from memory_model.engines.vllm.experts import Mxfp4Kernels
from memory_model.engines.vllm.images import Image, largest_image
from memory_model.engines.vllm.pages import padding_layers
from memory_model.engines.vllm.parallel import stages
from memory_model.estimate import over_grid
from memory_model.fit import fit_deployment
from memory_model.presets import devices, load_model
from memory_model.resolve import resolve
from memory_model.result import result
from memory_model.tensors import Tensor


def test_the_share_can_be_chosen():
    keys = {"model": "llama-3.1-8b", "engine": "vllm", "device": "h100-sxm-80gb"}
    half, most = (result(Scenario(**keys, gpu_memory_utilization=share))["device"]["kv_pool"] for share in (0.5, 0.95))
    assert most - half == pytest.approx(0.45 * devices()["h100-sxm-80gb"].usable_bytes, abs=2)


def test_ends_of_blocks_of_1_mib_or_less_stay_behind_a_tensor():
    mib = 2**20
    assert left([int(6.5 * mib)] * 3) == mib // 2, "three share a segment of 20 MiB"
    assert left([11 * mib]) == mib, "one of its own, of whole 2 MiB"
    assert left([int(10.5 * mib), int(1.25 * mib)]) == mib // 4, "what is cut off is taken by the next that fits"
    assert left([mib]) == 0, "small ones lie elsewhere"


@pytest.mark.parametrize(("model", "gpus", "printed"), [("qwen3-8b", 1, 5.7071), ("llama-3-70b", 2, 18.55)])
def test_four_bits_leave_ends_of_many_segments(model, gpus, printed):
    """As 0.11 prints them (tests/measured/engine_logs_held_out.csv, logs 99 and 199)."""
    found = estimate(Scenario(model, engine="vllm", engine_version="0.11", weights="awq-int4", tensor_parallel=gpus))
    assert found["weights"].bytes / 2**30 == pytest.approx(printed, abs=0.005)


def test_windows_keep_what_two_steps_put_in_from_0_26_on():
    def cache(version):
        keys = {"model": "gpt-oss-20b", "engine": "vllm", "context_length": 65_536, "step_tokens": 2048}
        return estimate(Scenario(**keys, engine_version=version))["kv_cache"].bytes

    assert cache("0.26") - cache("0.25") == 12 * 2 * 8 * 64 * 2 * 2048


def weights_of(model, device="h100-sxm-80gb", **keys):
    return estimate(Scenario(model=model, engine="vllm", device=device, **keys))["weights"].bytes


def test_experts_in_mxfp4_are_padded_to_what_the_kernels_read():
    kernels = Mxfp4Kernels(hidden=256, width=128, bias_bytes=2, row_bytes=1, scale_rows=1, scales_twice=False)
    up, down = (
        kernels.padded(tensor)
        for tensor in (Tensor("experts.up_proj", 1440, 2880), Tensor("experts.down_proj", 2880, 1440))
    )
    assert (up.rows, up.columns) == (1536, 3072)
    assert (down.rows, down.columns) == (3072, 1536)
    assert weights_of("gpt-oss-20b", "mi300x") > weights_of("gpt-oss-20b", "a100-sxm-80gb")


def test_triton_s_kernels_pad_rows_of_values_and_keep_their_scales_beside_those_of_the_file():
    """What HopperMXValueLayout and HopperMXScaleLayout make of half an expert of gpt-oss."""
    kernels = Mxfp4Kernels(hidden=1, width=64, bias_bytes=4, row_bytes=64, scale_rows=128, scales_twice=True)
    arrays = [
        [
            (plane.name, rows, columns // plane.columns * plane.bits // 8)
            for plane, rows, columns in kernels.arrays(part)
        ]
        for part in (
            Tensor("experts.gate_proj", 1440, 2880),
            Tensor("experts.up_proj", 1440, 2880),
            Tensor("experts.down_proj", 2880, 1440),
        )
    ]
    assert arrays[0] == [("values", 1440, 1472), ("scales of the file", 1440, 90), ("scales", 1440, 90)]
    assert arrays[1][2] == ("scales", 2944 - 1440, 90)
    assert arrays[2] == [("values", 2880, 768), ("scales of the file", 2880, 45), ("scales", 2944, 46)]
    assert [plane.bits for plane, *_ in kernels.arrays(Tensor("experts.up_proj.bias", 1440))] == [32]


@pytest.mark.parametrize(
    ("model", "version", "gpus", "printed"),
    [
        ("gpt-oss-120b", "0.11", 1, 65.97),
        ("gpt-oss-120b", "0.12", 1, 64.38),
        ("gpt-oss-20b", "0.19", 1, 13.64),
        ("gpt-oss-20b", "0.19", 2, 7.01),
    ],
)
def test_gpt_oss_on_hopper_takes_what_logs_print(model, version, gpus, printed):
    found = weights_of(model, "h100-sxm-80gb", engine_version=version, tensor_parallel=gpus)
    assert found / 2**30 == pytest.approx(printed, abs=0.01)


def test_from_0_25_on_the_scales_of_the_file_are_freed():
    found = {
        version: weights_of("gpt-oss-120b", "h100-sxm-80gb", engine_version=version) for version in ("0.21", "0.25")
    }
    scales = 36 * 128 * 90 * (2 * 2880 + 2880)
    assert found["0.21"] - found["0.25"] > scales


def test_a_model_with_an_indexer_holds_what_it_picks_in_a_step():
    """DeepSeek-V4 also keeps its residual streams for a draft, on the last stage."""

    def more(model, **keys):
        sizes = [weights_of(model, weights="published", step_tokens=step, **keys) for step in (4096, 8192)]
        return sizes[1] - sizes[0]

    assert more("glm-5.1", tensor_parallel=8) == 4096 * 2048 * 4
    assert more("deepseek-v4-flash") == 4096 * (512 * 4 + 4 * 4096 * 2)
    assert more("qwen3-8b") == 0


def test_scales_of_fp8_in_blocks_are_kept_by_row_where_gpus_have_no_fp8():
    """Logs print 34.71 GiB on A100 and 34.22 on DGX Spark; with one scale for each row nothing differs."""

    def weights(device, scheme):
        keys = {"model": "qwen3.5-35b-a3b", "engine": "vllm", "weights": scheme}
        return estimate(Scenario(**keys, device=device))["weights"].bytes / 2**30

    more = weights("a100-pcie-80gb", "fp8-block") - weights("dgx-spark", "fp8-block")
    assert more == pytest.approx(34.71 - 34.22, abs=0.01)
    assert weights("a100-pcie-80gb", "fp8") == weights("dgx-spark", "fp8")


@pytest.mark.parametrize(
    ("engine", "version", "gpus", "said"),
    [("vllm", "0.26", 4, True), ("vllm", "0.26", 2, False), ("vllm", "0.29", 4, False), ("sglang", None, 4, True)],
)
def test_experts_of_which_a_gpu_has_no_whole_blocks_need_expert_parallelism(engine, version, gpus, said):
    """768 columns on 4 GPUs are 192 on each, one block of 128 and a half."""
    keys = {"model": "qwen3-30b-a3b", "engine": engine, "engine_version": version, "tensor_parallel": gpus}
    note = estimate(Scenario(**keys, weights="fp8-block"))["weights"].note
    assert ("expert parallelism" in note) is said
    assert "expert parallelism" not in estimate(Scenario(**keys, weights="bf16"))["weights"].note


def test_the_sampler_is_torch_s_own_on_amd():
    def peak(device):
        keys = {"engine": "vllm", "engine_version": "0.26", "step_tokens": 2048, "max_num_seqs": 256}
        return estimate(Scenario("qwen3.6-27b", device=device, **keys))["activations"]

    assert peak("mi300x").bytes - peak("h200-sxm").bytes == (77 - 29) // 2 * 256 * 248_320
    assert "2.4 GiB" in peak("mi300x").note


def test_images_that_fill_a_step():
    gemma, mistral = (load_model(name).config for name in ("gemma-3-4b-it", "mistral-small-3.2-24b-instruct-2506"))
    assert largest_image(gemma) == Image(896, 256)
    assert largest_image(mistral) == Image(1540, 55 * 56)


def test_windows_save_pages_once_a_step_and_the_window_are_passed():
    def cache(tokens, step):
        keys = {"model": "gpt-oss-20b", "engine": "vllm", "context_length": tokens, "step_tokens": step}
        return estimate(Scenario(**keys))["kv_cache"].bytes

    layer = 2 * 8 * 64 * 2
    assert cache(2048, 2048) == 24 * layer * 2048
    assert cache(8192, 2048) == 12 * layer * 8192 + 12 * layer * (2176 + 16)


def test_groups_of_layers_are_padded():
    assert padding_layers({None: 10, 1024: 52}, 1.25) == {None: 0, 1024: 8}
    assert padding_layers({None: 12, 128: 12}, 1.25) == {None: 0, 128: 0}
    assert padding_layers({None: 12, 128: 13}, 1.25) == {None: 1, 128: 0}
    assert padding_layers({None: 12, 128: 17}, 1.25) == {None: 0, 128: 7}
    assert padding_layers({None: 12, 128: 17}, 1.5) == {None: 5, 128: 0}
    assert padding_layers({None: 32}, 1.5) == {None: 0}


@pytest.mark.parametrize(
    ("model", "kv_cache", "block"),
    [("qwen3.5-27b", None, 784), ("qwen3.5-27b", "fp8", 1568), ("qwen3.6-35b-a3b", None, 1056)],
)
def test_a_block_of_a_hybrid_is_as_large_as_a_state(model, kv_cache, block):
    keys = {"model": model, "engine": "vllm", "kv_cache": kv_cache}
    assert estimate(Scenario(**keys, context_length=1))["kv_cache"].bytes == (
        estimate(Scenario(**keys, context_length=block))["kv_cache"].bytes
    )
    assert estimate(Scenario(**keys, context_length=block + 1))["kv_cache"].bytes > (
        estimate(Scenario(**keys, context_length=block))["kv_cache"].bytes
    )


def test_latent_rows_are_on_every_gpu_and_heads_are_divided_no_further_than_one():
    def cache(model, size):
        return estimate(Scenario(model=model, engine="vllm", tensor_parallel=size))["kv_cache"].bytes

    assert cache("deepseek-v3", 8) == cache("deepseek-v3", 1) == 61 * 576 * 2 * 8192
    assert cache("llama-3.1-8b", 8) * 8 == cache("llama-3.1-8b", 1)
    assert cache("llama-3.1-8b", 32) == cache("llama-3.1-8b", 8)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 32])
def test_stages_hold_every_layer_once(size):
    model = load_model("llama-3.1-8b")
    found = stages(model, size)
    layers = [layer for stage in found for group in stage.layers for layer in group.layers]
    assert sorted(layers) == list(range(32))
    assert sum(stage.parameters("text") for stage in found) == model.parameters("text")


def test_it_fits_as_long_as_the_pool_holds_it():
    keys = {"model": "llama-3.1-8b", "engine": "vllm", "device": "h100-sxm-80gb"}
    found = result(Scenario(**keys, context_length=8192, batch_size=8))
    pool = found["device"]["kv_pool"]
    assert found["device"]["fits"]
    assert found["device"]["headroom"] == pool - found["components"]["kv_cache"]
    assert found["device"]["kv_tokens"] == pool // (131072 * 16) * 16
    assert found["device"]["max_batch_size"] == int(found["device"]["max_concurrency"])


def test_what_is_reserved_and_not_needed_fills_the_share():
    keys = {"model": "llama-3.1-8b", "engine": "vllm", "device": "h100-sxm-80gb"}
    for context, batch in ((1, 1), (8192, 8), (131072, 1)):
        device = result(Scenario(**keys, context_length=context, batch_size=batch))["device"]
        assert device["reserved"] == device["headroom"] > 0
    assert result(Scenario(**keys, context_length=131072, batch_size=64))["device"]["reserved"] == 0
    found = resolve(Scenario(**keys))
    contexts = np.array([[1.0], [8192.0], [131072.0]])
    grid = replace(found, workload=replace(found.workload, context_length=contexts, batch_size=np.array([[1.0, 64.0]])))
    unused = found.engine.reserved(grid)
    for i, context in enumerate((1, 8192, 131072)):
        for j, batch in enumerate((1, 64)):
            point = resolve(Scenario(**keys, context_length=context, batch_size=batch))
            assert unused[i, j] == point.engine.reserved(point)


@pytest.mark.parametrize("engine", ["transformers", "llama.cpp"])
def test_engines_that_grow_reserve_nothing(engine):
    found = resolve(Scenario(model="llama-3.1-8b", engine=engine, device="h100-sxm-80gb"))
    assert found.engine.pool(found) is None
    assert found.engine.reserved(found) == 0


def test_nothing_is_reserved_without_a_device():
    found = resolve(Scenario(model="llama-3.1-8b", engine="vllm"))
    assert found.engine.reserved(found) == 0


def test_defaults_follow_the_gpu():
    def options(device):
        keys = result(Scenario(model="llama-3.1-8b", engine="vllm", device=device))["scenario"]
        return keys["step_tokens"], keys["max_num_seqs"]

    assert options("none") == (8192, 1024)
    assert options("h100-sxm-80gb") == (8192, 1024)
    assert options("h200-sxm") == (8192, 1024)
    assert options("mi300x") == (8192, 1024)
    assert options("rtx-4090") == (2048, 256)
    assert options("a100-sxm-80gb") == (2048, 256)
    assert options("dgx-spark") == (2048, 256)


def test_the_peak_is_the_same_in_every_phase():
    keys = {"model": "gemma-2-9b", "engine": "vllm"}
    assert estimate(Scenario(**keys, phase="prefill")).bytes == estimate(Scenario(**keys, phase="decode")).bytes


@pytest.mark.parametrize(
    "model", ["llama-3.1-8b", "gemma-3-27b-it", "deepseek-v3", "deepseek-v4-flash", "qwen3.5-27b", "falcon-h1-7b-base"]
)
@pytest.mark.parametrize("size", [1, 2])
def test_a_grid_holds_the_points(model, size):
    keys = {"model": model, "engine": "vllm", "tensor_parallel": size}
    contexts, batches = [1, 15, 17, 1000, 8191, 9300, 131072], [1, 3, 64]
    grid = over_grid(resolve(Scenario(**keys)), contexts, batches)
    for i, context in enumerate(contexts):
        for j, batch in enumerate(batches):
            for part in estimate(Scenario(**keys, context_length=context, batch_size=batch)):
                assert grid.components[part.name][i, j] == part.bytes


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"tensor_parallel": 3},
            "tensor_parallel: 3 does not divide the 32 query heads; valid sizes: 1, 2, 4, 8, 16, 32",
        ),
        (
            {"model": "qwen2.5-7b-instruct", "tensor_parallel": 7},
            "tensor_parallel: 7 and the 4 KV heads do not divide one another; valid sizes: 1, 2, 4",
        ),
        (
            {"model": "qwen2.5-7b-instruct", "tensor_parallel": 28},
            "tensor_parallel: 28 does not divide the 18,944 columns of the MLP; valid sizes: 1, 2, 4",
        ),
        (
            {"model": "phi-4", "tensor_parallel": 5},
            "tensor_parallel: 5 does not divide the 100,352 rows of the padded vocabulary; valid sizes: 1, 2",
        ),
        ({"pipeline_parallel": 33}, "pipeline_parallel: 33 is more than the 32 layers; use fewer"),
        ({"kv_cache": "q8_0"}, "kv_cache: q8_0 is not an option of vLLM; known: bf16, fp16, fp32, fp8"),
        ({"kv_cache": "fp8:bf16"}, "kv_cache: vLLM keeps keys and values in one format; use fp8"),
        (
            {"engine_version": "0.9"},
            "engine_version: no constants of vLLM 0.9 are known; use 0.11",
        ),
        ({"placement": "cpu"}, "placement: vLLM has no such option; leave it out"),
    ],
)
def test_what_the_engine_refuses(keys, message):
    with pytest.raises(InputError) as error:
        estimate(Scenario(**({"model": "llama-3.1-8b", "engine": "vllm"} | keys)))
    assert str(error.value) == message


def test_the_limit_is_never_more_than_the_gpu():
    for device in ("t4", "h100-sxm-80gb"):
        found = resolve(Scenario(model="qwen3-0.6b", engine="vllm", device=device))
        assert fit_deployment(found).limit_bytes <= devices()[device].usable_bytes


def test_layers_that_do_not_divide_go_to_the_later_stages_but_not_to_the_last():
    """distributed/utils.py get_pp_indices: 32 layers in 5 stages."""
    found = stages(load_model("llama-3.1-8b"), 5)
    assert [stage.num_hidden_layers for stage in found] == [6, 6, 7, 7, 6]
    assert estimate(Scenario("llama-3.1-8b", engine="vllm", pipeline_parallel=32)).bytes > 0


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_a_model_that_it_has_no_class_for_is_refused(engine):
    shape = read_config({"model_type": "gpt_neo"}, "gpt-neo")
    with pytest.raises(InputError, match=r"^model: \w+ has no architecture for model_type gpt_neo; use transformers$"):
        resolve(Scenario("gpt-neo", engine=engine, device="h100-sxm-80gb"), shape)
