"""Start-up logs: figures and settings are read as the engines print them, and differences are explained by trying."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from memory_model import InputError, Scenario
from memory_model.engine_logs import Comparison, compare, read_log
from memory_model.engine_logs.taken import preset_named, scenario_of
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


def test_a_build_that_names_no_most_outputs_reserves_the_logits_of_every_token():
    assert compared(LLAMA_CPP)["Activations"].reason == "equal as far as the log prints"
    newer = LLAMA_CPP.replace("llama_context: n_ubatch", "llama_context: n_outputs_max = 1\nllama_context: n_ubatch")
    assert read_log(LLAMA_CPP).settings["logits"] == "all" and read_log(newer).settings["logits"] == "server"
    assert read_log(newer.replace("n_outputs_max = 1", "n_outputs_max = 2048")).settings["logits"] == "all"
    assert "logits" not in read_log(newer.replace("n_outputs_max = 1", "n_outputs_max = 9")).settings


@pytest.mark.parametrize("words", ["build: 6100 (abc)", "build_info: b9849-799fcc04a", "main: build = 1550 (8e672ef)"])
def test_a_build_is_named_in_the_spelling_of_its_time(words: str):
    assert read_log(words + "\n" + LLAMA_CPP).version == words.split()[-1 if "info" in words else -2]


def test_a_setting_that_the_log_does_not_name_is_found_by_trying():
    found = compared(LLAMA_CPP.replace("llama_context: n_ubatch      = 512\n", ""))["Activations"]
    assert not found.agrees and found.reason == "logits all would explain it"


def test_a_difference_that_no_setting_explains_says_how_sure_the_prediction_is():
    found = compared(VLLM.replace("14.99 GiB", "13.37 GiB").replace("14.99GiB", "13.37GiB"))["Weights"]
    assert not found.agrees and found.reason.startswith("no single setting explains it; the prediction is exact")


def test_another_weight_format_is_named():
    found = compared(LLAMA_CPP.replace("file type   = Q4_K - Medium", "file type   = Q8_0"))["Weights"]
    assert found.reason == "weights q4_k_m would explain it"


def test_a_weight_format_that_the_log_does_not_name_is_found_by_its_size():
    log = read_log(LLAMA_CPP.replace("print_info: file type   = Q4_K - Medium\n", ""))
    _, taken = scenario_of(log, Scenario("llama-3.1-8b", device="h100-sxm-80gb"))
    assert "weights" not in log.settings and taken["weights"] == "q4_k_m"


def test_what_an_older_build_reserved_otherwise_is_named():
    found = compared(
        LLAMA_CPP.replace("CUDA_Host compute buffer size =    24.01", "CUDA_Host compute buffer size =    16.01")
    )
    assert found["Activations, in host memory"].reason == (
        "an older build, with no input of embeddings beside that of tokens (before llama.cpp#18898, January 2026): equal"
    )


def test_what_the_log_leaves_out_is_named():
    found = compared(
        "load_tensors: CUDA0 model buffer size = 9.00 MiB\nllama_kv_cache: CUDA0 KV buffer size = 7.00 MiB"
    )
    assert found["KV cache"].reason.startswith("the log does not name its context")
    assert found["Weights"].reason.startswith("the log does not name the file's type")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("offloaded 0/41 layers to GPU\nllama_kv_cache: CPU KV buffer size = 7 MiB", {"placement": "cpu"}),
        (
            "offloaded 0/41 layers to GPU\nllama_kv_cache: CPU KV buffer size = 7 MiB\n"
            "llama_context: ROCm0 compute buffer size = 9 MiB",
            {"gpu_layers": 0},
        ),
        ("offloaded 41/41 layers to GPU\nllama_kv_cache: CPU KV buffer size = 7 MiB", {"placement": "cpu"}),
        (
            "llama_kv_cache: RPC[10.0.0.1:50052] KV buffer size = 7 MiB\nllama_kv_cache: CUDA0 KV buffer size = 7 MiB",
            {"pipeline_parallel": 2},
        ),
        (
            "llama_context: n_ctx = 8192\nllama_context: n_ctx_seq = 2048\nsched_reserve: CUDA0 compute buffer size = 7 MiB",
            {"context_length": 2048, "batch_size": 4},
        ),
        (
            "llama_kv_cache: size = 7.00 MiB (  2048 cells,  32 layers,  4/4 seqs), K (q8_0):  4.00 MiB, V (q8_0):  3.00 MiB\n"
            "llama_kv_cache: CUDA0 KV buffer size = 7 MiB",
            {"context_length": 2048, "batch_size": 4, "kv_cache": "q8_0"},
        ),
    ],
    ids=["no GPU", "nothing offloaded", "a build without GPUs", "several places", "sequences by their length", "cells"],
)  # fmt: skip
def test_lines_of_llama_cpp_show_where_layers_lie_and_how_many_sequences_there_are(
    lines: str, expected: dict[str, object]
):
    assert read_log(lines).settings == {"engine": "llama.cpp"} | expected


def test_of_several_loads_the_largest_counts_and_of_its_contexts_the_last():
    load = (
        "llama_model_loader: loaded meta data with 20 key-value pairs\nload_tensors: CUDA0 model buffer size = {} MiB\n"
    )
    context = "llama_kv_cache: CUDA0 KV buffer size = {0} MiB\nllama_context: CUDA0 compute buffer size = {0} MiB\n"
    log = read_log(load.format(90) + context.format(7) + context.format(8) + load.format(5) + context.format(3))
    assert [(figure.quantity, figure.value) for figure in log.printed] == [
        ("weights", 90 * 2**20), ("kv_cache", 8 * 2**20), ("compute", 8 * 2**20),
    ]  # fmt: skip


V0 = """\
INFO [llm_engine.py:230] Initializing a V0 LLM engine (v0.9.0) with config: model='Qwen/Qwen2.5-0.5B-Instruct', max_seq_len=32768
INFO [worker.py:291] the current vLLM instance can use total_gpu_memory (23.65GiB) x gpu_memory_utilization (0.40) = 9.46GiB
INFO [worker.py:291] model weights take 0.93GiB; non_torch_memory takes 0.07GiB; PyTorch activation peak memory takes 1.44GiB; \
the rest of the memory reserved for KV Cache is 7.02GiB.
INFO [executor_base.py:112] # cuda blocks: 38338, # CPU blocks: 21845
INFO [executor_base.py:117] Maximum concurrency for 32768 tokens per request: 18.72x
"""


def test_the_engine_before_v1_counts_blocks_and_reads_a_prompt_in_one_step():
    log = read_log(V0)
    assert log.settings["gpu_memory_utilization"] == 0.4
    assert (log.settings["max_num_seqs"], log.settings["step_tokens"]) == (256, 32768)
    assert next(figure.value for figure in log.printed if figure.quantity == "kv_tokens") == 38338 * 16
    scenario, taken = scenario_of(log, Scenario("gpt2", device="rtx-4090"))
    assert (taken["engine_version"], scenario.model) == ("0.11", "qwen2.5-0.5b")


def test_the_line_of_what_is_used_gives_the_peak_that_no_other_line_has():
    log = read_log(
        "vllm Desired GPU memory utilization is (0.9, 71.27 GiB). Actual usage is 14.08 GiB for weight, 1.97 GiB for peak "
        "activation, 0.07 GiB for non-torch memory, and 0.67 GiB for CUDAGraph memory."
    )
    assert {figure.quantity: round(figure.value / GIB, 2) for figure in log.printed} == {
        "weights": 14.08, "compute": 1.97, "non_torch": 0.07, "graphs": 0.67,
    }  # fmt: skip
    assert log.settings["gpu_memory_utilization"] == 0.9
    below_zero = read_log("vllm Actual usage is 8.28 GiB for weight, -3.58 GiB for non-torch memory")
    assert [figure.quantity for figure in below_zero.printed] == ["weights"]


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        (
            "non-default args: {'model': 'Qwen/Qwen2.5-7B-Instruct-AWQ', 'max_model_len': 8192}",
            {"context_length": 8192},
        ),
        ("vllm serve Qwen/Qwen3-14B-FP8 --max-model-len 8192 --tensor-parallel-size 2", {"tensor_parallel": 2}),
        ("(Worker_TP1 pid=1) (Worker_TP3 pid=3)", {"tensor_parallel": 4}),
        ("(Worker_TP2 pid=2)", {}),
        ("(APIServer) HTTP2 HTTP1 --host 0.0.0.0", {"engine_version": None}),
        ("version 0.27.1 --kv-cache-dtype fp8", {"kv_cache": "fp8", "engine_version": "0.26"}),
    ],
)
def test_options_of_a_server_are_read_however_they_are_written(words: str, settings: dict[str, object]):
    log = read_log(f"vllm {words}\nModel loading took 1.00 GiB")
    _, taken = scenario_of(log, Scenario("qwen3-0.6b"))
    assert {key: taken.get(key) for key in settings} == settings
    assert ("tensor_parallel" in taken) == ("tensor_parallel" in settings)


@pytest.mark.parametrize(
    ("name", "preset"),
    [
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", "qwen2.5-7b-instruct"),
        ("unsloth/qwen2.5-0.5b-instruct-unsloth-bnb-4bit", "qwen2.5-0.5b"),
        ("Qwen3 30B A3B", "qwen3-30b-a3b"),
        ("someone/a-model-of-their-own", ""),
    ],
)
def test_a_model_is_known_by_its_name_without_what_it_is_stored_or_tuned_as(name: str, preset: str):
    assert preset_named(name) == preset


def test_a_cache_is_compared_by_the_token_where_the_device_is_not_known():
    text = "[TP0] KV Cache is allocated. #tokens: 1106304, K size: 25.32 GB, V size: 25.32 GB\n[TP1] Memory pool end."
    log = read_log(text)
    scenario, _ = scenario_of(log, Scenario("qwen3-30b-a3b"))
    (found,) = compare(log, scenario)
    assert (found.label, found.unit, found.predicted, found.agrees) == ("KV cache of one token", "KiB", 48.0, True)


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
    "copied",
    [
        lambda text: text.replace("\n", "\x1b[0m\r\n\x1b[36m"),
        lambda text: text.replace("= ", "= [1;32m").replace(" MiB", "[0m MiB"),
        lambda text: text.replace("\n", "\x00\n"),
        lambda text: text.replace(" ", "\xa0").replace(">", "&gt;"),
        lambda text: text * 2,
    ],
    ids=["a terminal's colours", "colours without their escape", "NUL", "a web page", "pasted twice"],
)
@pytest.mark.parametrize("text", [LLAMA_CPP, VLLM, OLLAMA, SGLANG], ids=["llama.cpp", "vLLM", "Ollama", "SGLang"])
def test_a_log_says_the_same_however_it_was_copied(text: str, copied: Callable[[str], str]):
    told, shown = read_log(text), read_log(copied(text))
    assert [(figure.quantity, figure.value, figure.place) for figure in shown.printed] == [
        (figure.quantity, figure.value, figure.place) for figure in told.printed
    ]
    assert (shown.engine, shown.model, shown.settings) == (told.engine, told.model, told.settings)


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
