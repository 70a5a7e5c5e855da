"""llama.cpp against contexts that the engine created after the rules were finished: what each GPU and the host hold."""

import csv
from pathlib import Path

import pytest

from memory_model import InputError, Scenario
from memory_model.engines.llama_cpp.cache import cache_at
from memory_model.engines.llama_cpp.context import Context
from memory_model.engines.llama_cpp.divided import compute_at
from memory_model.engines.llama_cpp.graph import Tensor
from memory_model.engines.llama_cpp.placement import HOST
from memory_model.engines.llama_cpp.splits import Operation, expanded
from memory_model.engines.llama_cpp.stored import weights_at
from memory_model.resolve import resolve

CONFIGS = Path(__file__).parent / "configs"
PLACES = ((0, "gpu_0"), (1, "gpu_1"), (2, "gpu_2"), (HOST, "host"))
PARTS = (("weights", weights_at), ("cache", cache_at), ("compute", compute_at))
NUMBERS = ("gpu_layers", "pipeline_parallel", "context_length", "batch_size", "step_tokens")
SWITCHES = ("kv_unified", "kv_offload", "swa_full")


def context(model, mix, **keys):
    model = str(CONFIGS / model) if model.endswith(".json") else model
    return Context(resolve(Scenario(model=model, engine="llama.cpp", weights=mix, **keys)))


def asked(row):
    keys = {key: int(row[key]) for key in NUMBERS if row[key]}
    keys |= {key: row[key] == "true" for key in SWITCHES}
    return keys | {key: row[key] for key in ("placement", "attention", "kv_cache", "logits")}


def rows():
    with (Path(__file__).parent / "measured" / "llamacpp_held_out.csv").open() as file:
        return list(csv.DictReader(file))


def test_every_part_of_every_place_is_that_of_the_engine():
    """Weights, cache and compute buffer of each GPU and of the host."""
    count = 0
    for row in rows():
        found = context(row["model"], row["mix"], **asked(row))
        for place, column in PLACES:
            if row[f"{column}_weights"]:
                measured = [int(row[f"{column}_{part}"]) for part, _ in PARTS]
                assert (row, [part(found, place).bytes for _, part in PARTS]) == (row, measured)
                count += 1
    assert count > 1600


def test_an_indexer_scores_no_iq4_nl_on_a_gpu():
    """Figures of the engine (ggml_cuda_lightning_indexer_supported): scores come back from the host as a copy."""
    keys = {"context_length": 8192, "attention": "flash", "kv_cache": "iq4_nl"}
    for model, on_gpu, on_host in (
        ("deepseek-v3.2", 713_107_456, 325_136_416),
        ("deepseek-v4-flash", 247_732_224, 151_090_112),
    ):
        found = context(model, "q8_0", **keys)
        assert (compute_at(found, 0).bytes, compute_at(found, HOST).bytes) == (on_gpu, on_host)


def test_what_no_gpu_computes_does_not_keep_its_neighbours_on_the_host():
    """ggml-backend.cpp ggml_backend_sched_set_if_supported: a GPU's operations go on behind it."""
    here, there = Tensor("here", (1,), 4), Tensor("there", (1,), 4)
    operations = [Operation(here, 0), Operation(there, on_no_gpu=True), Operation(here), Operation(here, 0)]
    assert expanded(operations) == [0, HOST, 0, 0]
    assert expanded([Operation(here, HOST), Operation(there, on_no_gpu=True), Operation(here)]) == [HOST] * 3


def test_flash_attention_reads_no_iq4_nl_on_a_gpu():
    """ggml-cuda fattn.cu ggml_cuda_fattn_kv_type_supported: the cache is copied to the host, which attends."""
    keys = {"context_length": 8192, "attention": "flash"}
    on_gpu = context("llama-3.2-1b-instruct", "q4_k_m", kv_cache="q4_0", **keys)
    on_host = context("llama-3.2-1b-instruct", "q4_k_m", kv_cache="iq4_nl", **keys)
    assert cache_at(on_gpu, 0).bytes == cache_at(on_host, 0).bytes
    assert compute_at(on_host, 0).bytes < compute_at(on_gpu, 0).bytes
    assert compute_at(on_host, HOST).bytes > compute_at(on_gpu, HOST).bytes
    copied = 2 * 8192 * 512 * 18 // 32
    assert compute_at(on_host, HOST).bytes - compute_at(on_gpu, HOST).bytes > copied


def test_few_tokens_of_a_stream_leave_quantised_rows_as_they_are():
    """ggml-cuda fattn.cu ggml_cuda_get_best_fattn_kernel: up to two tokens, but one before Ada; of the same type for both."""

    def copies(tokens, kv_cache="q8_0", **keys):
        """Whether a float16 copy of 8 x 8,192 cells of 2,048 values, 256 MiB, is in the buffer."""
        keys |= {"context_length": 8192, "batch_size": 8, "attention": "flash", "step_tokens": 8 * tokens}
        return compute_at(context("llama-3.1-8b", "q4_k_m", kv_cache=kv_cache, **keys), 0).bytes > 2**28

    assert [copies(tokens) for tokens in (1, 2, 3)] == [False, False, True]
    assert [copies(tokens, device="a100-sxm-80gb") for tokens in (1, 2)] == [False, True]
    assert copies(1, "q5_1")
    assert copies(2, kv_unified=True)


def test_heads_that_no_kernel_takes_are_attended_to_by_the_host():
    """The same function: 100 values are no head size of a kernel, and 80 are."""
    on_host = context("heads-of-100.json", "q8_0", context_length=8192, attention="flash")
    cache = cache_at(on_host, 0).bytes
    assert cache > 0
    assert compute_at(on_host, HOST).bytes > cache // 6  # a copy of one of six layers
    on_gpu = context("stablelm-3b.json", "q8_0", context_length=8192, attention="flash")
    assert compute_at(on_gpu, HOST).bytes < cache_at(on_gpu, 0).bytes // 32


@pytest.mark.parametrize(
    ("model", "kv_cache", "on_gpu", "on_host"),
    [
        ("heads-of-100.json", "fp16", 329_263_232, 21_508_128),
        ("llama-3.2-1b-instruct", "iq4_nl:fp16", 289_433_728, 16_805_920),
    ],
)
def test_attention_that_is_left_to_the_engine_is_plain_where_no_kernel_fits(model, kv_cache, on_gpu, on_host):
    """As the engine placed it with -fa auto: scores are written out, values lie as for flash attention."""
    found = context(model, "q8_0", context_length=4096, kv_cache=kv_cache)
    assert [compute_at(found, place).bytes for place in (0, HOST)] == [on_gpu, on_host]
    asked_for = context(model, "q8_0", context_length=4096, kv_cache=kv_cache, attention="plain")
    assert compute_at(asked_for, HOST).bytes > on_host
    assert context(model, "q8_0", kv_cache=kv_cache, placement="cpu").flash


def test_keys_and_values_of_minicpm3_are_cached_for_every_head():
    """minicpm3.cpp: 40 heads of 96 and 64 values in 62 layers, where other latent attention has a row for all."""
    keys = {"context_length": 4096, "kv_cache": "fp16", "attention": "flash"}
    assert cache_at(context("minicpm3-4b.json", "q8_0", **keys), 0).bytes == 62 * 4096 * 40 * (96 + 64) * 2


@pytest.mark.parametrize("attention", ["flash", "plain"])
def test_blocks_of_a_quantised_cache_divide_the_heads(attention):
    """llama-context.cpp llama_init_from_model refuses it with flash attention; without, ggml_row_size aborts."""
    with pytest.raises(InputError, match="blocks of 32 values, which do not divide keys of 80"):
        context("stablelm-3b.json", "q4_k_m", kv_cache="q8_0:fp16", attention=attention)


def test_only_full_layers_of_gemma_4_stretch_the_rotation():
    """gemma4.cpp: the one layer on the host sees a window, and needs no factors."""
    held = {
        layers: "rope_freqs"
        in {term.label for term in weights_at(context("gemma-4-31b-it", "q4_k_m", gpu_layers=layers), HOST).terms}
        for layers in (60, 55)
    }
    assert held == {60: False, 55: True}


def test_models_that_the_converter_does_not_know_are_refused():
    """conversion/__init__.py TEXT_MODEL_MAP has MiMo V2, not the first MiMo."""
    with pytest.raises(InputError, match="has no architecture for model_type mimo"):
        context("mimo-7b.json", "q4_k_m")


def test_one_row_for_keys_and_values_has_one_type():
    """llama-context.cpp llama_init_from_model refuses two for DeepSeek V4, too."""
    with pytest.raises(InputError, match="differs for keys and values"):
        context("deepseek-v4-flash", "q4_k_m", kv_cache="q8_0:fp16", attention="flash")
