"""Start-up logs: figures and settings are read as the engines print them, and differences are explained by trying."""

from __future__ import annotations

import time

import pytest

from memory_model import InputError, Scenario
from memory_model.engine_logs import Comparison, compare, read_log
from memory_model.engine_logs.compared import scenario_of
from memory_model.units import GIB

VLLM = """\
INFO 04-01 12:00:00 [core.py:105] Initializing a V1 LLM engine (v0.19.0) with config: model='meta-llama/Llama-3.1-8B', \
dtype=torch.bfloat16, max_seq_len=131072, tensor_parallel_size=1, pipeline_parallel_size=1, kv_cache_dtype=auto
INFO non-default args: {gpu_memory_utilization=0.95}
INFO [gpu_model_runner.py:4566] Model loading took 14.99 GiB memory and 3.2 seconds
DEBUG Memory profiling takes 14.40 seconds. Total non KV cache memory: 17.13GiB; torch peak memory increase: 1.89GiB; \
non-torch forward increase memory: 0.24GiB; weights memory: 14.99GiB.
INFO [gpu_worker.py:298] Available KV cache memory: 58.1 GiB
INFO [kv_cache_utils.py:864] GPU KV cache size: 475,952 tokens
INFO [kv_cache_utils.py:868] Maximum concurrency for 131,072 tokens per request: 3.63x
"""
"""The lines of vLLM 0.19 with the figures of Llama-3.1-8B on an H100 in `tests/measured/vllm.csv`."""

LLAMA_CPP = """\
llama_model_loader: - kv   2:                general.name str              = Llama 3.1 8B Instruct
print_info: file type   = Q4_K - Medium
load_tensors: offloaded 33/33 layers to GPU
load_tensors:        CUDA0 model buffer size =  4403.49 MiB
load_tensors:   CPU_Mapped model buffer size =   281.81 MiB
llama_context: n_seq_max     = 1
llama_context: n_ctx         = 8192
llama_context: n_ubatch      = 512
llama_context: flash_attn    = enabled
llama_context:  CUDA_Host  output buffer size =     0.49 MiB
llama_kv_cache:      CUDA0 KV buffer size =  1024.00 MiB
llama_kv_cache: size = 1024.00 MiB (  8192 cells,  32 layers,  1/1 seqs), K (f16):  512.00 MiB, V (f16):  512.00 MiB
llama_context:      CUDA0 compute buffer size =   258.50 MiB
llama_context:  CUDA_Host compute buffer size =    24.01 MiB
"""
"""The lines of llama.cpp with the figures of rules for Llama-3.1-8B, with the logits of every token reserved."""

OLLAMA = """\
time=2025-07-24T18:29:07 level=INFO source=server.go:175 msg=offload library=cuda layers.requested=-1 layers.model=33 \
layers.offload=33 memory.required.full="6.5 GiB" memory.required.kv="1.0 GiB" memory.weights.total="4.3 GiB" \
memory.graph.full="560.0 MiB" memory.graph.partial="677.5 MiB"
"""
SGLANG = """\
[2025-05-01 10:00:00] server_args=ServerArgs(model_path='Qwen/Qwen2.5-7B-Instruct', tp_size=1, mem_fraction_static=0.88, chunked_prefill_size=8192)
[2025-05-01 10:00:09] Load weight end. type=Qwen2ForCausalLM, dtype=torch.bfloat16, avail mem=63.9 GB, mem usage=14.24 GB.
[2025-05-01 10:00:10] KV Cache is allocated. #tokens: 1000000, K size: 26.70 GB, V size: 26.70 GB
[2025-05-01 10:00:30] Capture cuda graph end. Time elapsed: 5.47 s. mem usage=0.64 GB. avail mem=5.1 GB.
"""


def compared(text: str, **keys: object) -> dict[str, Comparison]:
    log = read_log(text)
    shown = Scenario(**({"model": "llama-3.1-8b", "device": "h100-sxm-80gb"} | keys))  # type: ignore[arg-type]
    scenario, _ = scenario_of(log, shown)
    return {found.label: found for found in compare(log, scenario)}


def test_a_log_of_vllm_agrees_line_by_line():
    found = compared(VLLM, model="gpt2")
    for label in (
        "Weights",
        "KV cache",
        "Activations",
        "Tokens that the cache holds",
        "Sequences of this length at once",
    ):
        assert found[label].agrees, found[label]
    assert found["Weights"].lines == (3,)
    assert found["Tokens that the cache holds"].unit == "tokens"


def test_settings_are_taken_from_the_log():
    log = read_log(VLLM)
    assert (log.engine, log.version, log.model) == ("vllm", "0.19.0", "meta-llama/Llama-3.1-8B")
    scenario, taken = scenario_of(log, Scenario("gpt2", device="h100-sxm-80gb"))
    assert taken["model"] == scenario.model == "llama-3.1-8b"
    assert scenario.context_length == 131072 and scenario.gpu_memory_utilization == 0.95


def test_a_log_of_llama_cpp_is_read_with_its_buffers_on_device_and_host():
    found = compared(LLAMA_CPP)
    equal = (
        "Weights",
        "Weights, in host memory",
        "KV cache",
        "Activations, in host memory",
        "Output buffer, in host memory",
    )
    for label in equal:
        assert found[label].reason == "equal as far as the log prints"


def test_a_setting_that_the_log_does_not_name_is_found_by_trying():
    found = compared(LLAMA_CPP)["Activations"]
    assert not found.agrees and found.reason == "logits all would explain it"


def test_a_difference_that_no_setting_explains_says_how_sure_the_prediction_is():
    found = compared(VLLM.replace("14.99 GiB", "13.37 GiB").replace("14.99GiB", "13.37GiB"))["Weights"]
    assert not found.agrees and found.reason.startswith("no single setting explains it; the prediction is exact")


def test_another_weight_format_is_named():
    found = compared(LLAMA_CPP.replace("file type   = Q4_K - Medium", "file type   = Q8_0"))["Weights"]
    assert found.reason == "weights q4_k_m would explain it"


def test_a_log_of_ollama_is_an_estimate_of_its_own():
    log = read_log(OLLAMA)
    assert (log.engine, log.writer) == ("llama.cpp", "Ollama")
    assert {figure.quantity: figure.value for figure in log.printed} == {
        "weights": 4.3 * GIB, "kv_cache": GIB, "compute": 560 * 2**20,
    }  # fmt: skip


def test_a_log_of_sglang_adds_keys_and_values():
    log = read_log(SGLANG)
    assert log.engine == "sglang" and log.model == "Qwen/Qwen2.5-7B-Instruct"
    cache = [figure.value for figure in log.printed if figure.quantity == "kv_cache"]
    assert cache == [26.70 * GIB, 26.70 * GIB]
    assert log.settings["mem_fraction_static"] == 0.88


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "log: no figure about memory is found"),
        ("hello\nworld", "log: no figure about memory is found"),
        ("vllm Model loading took soon", "log: no figure about memory is found"),
        ("x" * (4 * 2**20 + 1), "log: longer than 4 MiB"),
    ],
)
def test_a_text_that_is_no_log_says_what_to_paste(text: str, message: str):
    with pytest.raises(InputError) as caught:
        read_log(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        "vllm Model loading took " + "9" * 100_000 + " GiB\n",
        "vllm Model loading took 1.1.1 GiB\n" * 1000,
        ("vllm " + "Graph capturing finished in " * 2000 + "\n") * 50,
        "load_tensors: " + "CUDA0 " * 100_000,
        "<script>alert(1)</script>\nvllm\x00\x1b[31m GPU KV cache size: ,,,, tokens\n" * 100,
    ],
)
def test_hostile_logs_are_read_or_refused_in_bounded_time(text: str):
    began = time.monotonic()
    try:
        log = read_log(text)
        assert all(len(figure.words) <= 200 for figure in log.printed)
    except InputError:
        pass
    assert time.monotonic() - began < 5
