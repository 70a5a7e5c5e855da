"""Laws that hold for every model, format and workload."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.live.reach import largest_within, totals_at
from memory_model import COMPONENTS, InputError, Scenario, estimate, fit, sweep
from memory_model.estimate import amounts, amounts_within
from memory_model.fit import largest
from memory_model.levers.search import NEARLY
from memory_model.presets import devices, model_presets, weight_schemes
from memory_model.resolve import resolve

MODELS = list(model_presets())
CACHES = ("bf16", "fp8", "q8_0", "q4_0")
CONTEXTS = [1, 2, 100, 127, 128, 129, 2046, 2047, 4095, 4096, 4097, 8192, 131_072, 1_048_576]


@pytest.mark.parametrize("model", MODELS)
def test_the_grid_equals_the_point(model):
    """At every context, each with one of the batch sizes in turn; at a few of them for the larger of both phases."""
    batches = [1, 3, 64]
    for phase, contexts in (("prefill", CONTEXTS), ("decode", CONTEXTS), ("peak", CONTEXTS[::4])):
        scenario = Scenario(model=model, phase=phase, device="h100-sxm-80gb")
        grid = sweep(scenario, context_length=contexts, batch_size=batches)
        for i, context in enumerate(contexts):
            j = i % len(batches)
            batch = batches[j]
            point = estimate(
                Scenario(model=model, phase=phase, device="h100-sxm-80gb", context_length=context, batch_size=batch)
            )
            assert [int(grid.components[name][i, j]) for name in COMPONENTS] == [
                point[name].bytes for name in COMPONENTS
            ]


@given(
    model=st.sampled_from(MODELS),
    kv_cache=st.sampled_from(CACHES),
    phase=st.sampled_from(["prefill", "decode", "peak"]),
    context=st.integers(1, 2**16).map(lambda n: 16 * n),
    more=st.integers(0, 2**16).map(lambda n: 16 * n),
    batch=st.integers(1, 512),
)
@settings(max_examples=200, deadline=None)
def test_bytes_never_fall_as_tokens_or_sequences_rise(model, kv_cache, phase, context, more, batch):
    """In steps of 16 tokens: between them PyTorch pads a window's mask, and holds both copies for a moment."""

    def total(tokens, sequences):
        return estimate(
            Scenario(model=model, kv_cache=kv_cache, phase=phase, context_length=tokens, batch_size=sequences)
        ).bytes

    assert total(context, batch) <= total(context + more, batch)
    assert total(context, batch) <= total(context, batch + 1 + more % 64)


@given(
    engine=st.sampled_from(["transformers", "llama.cpp", "vllm", "sglang"]),
    model=st.sampled_from(MODELS),
    gpu_layers=st.sampled_from([None, 3, 9]),
    context=st.integers(1, 2**17),
    more=st.integers(0, 2**17),
    batch=st.integers(1, 64),
    others=st.integers(0, 32),
)
@settings(max_examples=60, deadline=None)
def test_bytes_fall_little_where_they_fall(engine, model, gpu_layers, context, more, batch, others):
    """At any length, on every engine; llama.cpp's buffers have holes. What was far too large is not asked about again."""
    partly = {"gpu_layers": gpu_layers} if engine == "llama.cpp" else {}
    scenario = Scenario(model=model, engine=engine, device="h100-sxm-80gb", **partly)
    try:
        less, later = (
            amounts(resolve(replace(scenario, context_length=tokens, batch_size=sequences))).bytes
            for tokens, sequences in ((context, batch), (context + more, batch + others))
        )
    except InputError:  # the engine does not run the model
        return
    assert later > less * (1 - 1 / NEARLY)


@pytest.mark.parametrize("model", MODELS)
def test_a_smaller_format_never_takes_more(model):
    sizes = [estimate(Scenario(model=model, weights=w))["weights"].bytes for w in ("fp32", "bf16", "fp8", "awq-int4")]
    assert sizes == sorted(sizes, reverse=True)
    caches = [
        estimate(Scenario(model=model, kv_cache=c))["kv_cache"].bytes for c in ("fp32", "bf16", "q8_0", "fp8", "q4_0")
    ]
    assert caches == sorted(caches, reverse=True)


REFUSED = {
    ("int8", "deepseek-v2-lite"),  # bitsandbytes fails in latent attention
    *((scheme, "gpt2") for scheme in ("hqq-4bit", "w4a16", "w8a8", "fp8-channel", "nvfp4")),  # left as it is
    *(("w8a8", model) for model in ("deepseek-v2-lite", "gpt-oss-20b")),  # experts that transformers does not load
}


@pytest.mark.parametrize("scheme", sorted(weight_schemes()))
def test_every_weight_format_prices_every_kind_of_model(scheme):
    for model in ("llama-3.1-8b", "gpt2", "deepseek-v2-lite", "gpt-oss-20b", "gemma-3-4b-it", "phi-3-mini-4k-instruct"):
        try:
            assert estimate(Scenario(model=model, weights=scheme))["weights"].bytes > 0
        except InputError:
            assert (scheme, model) in REFUSED


@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_the_components_are_the_whole(phase):
    memory = estimate(Scenario(model="qwen3-30b-a3b", phase=phase, device="h200-sxm"))
    assert memory.bytes == sum(component.bytes for component in memory)
    assert [component.name for component in memory] == list(COMPONENTS)


def test_the_peak_is_the_larger_phase():
    for model in MODELS:
        peak, prefill, decode = (estimate(Scenario(model=model, phase=p)) for p in ("peak", "prefill", "decode"))
        assert peak.bytes == max(prefill.bytes, decode.bytes)


@pytest.mark.parametrize("device", ["rtx-4090", "h100-sxm-80gb", "mi300x", "m4-max-128gb"])
@pytest.mark.parametrize("model", ["llama-3.1-8b", "qwen3-30b-a3b", "gemma-3-27b-it", "llama-3.1-405b"])
def test_the_longest_context_and_the_largest_batch_are_the_last_that_fit(model, device):
    usable = devices()[device].usable_bytes
    found = fit(Scenario(model=model, device=device))

    def total(context, batch):
        return estimate(Scenario(model=model, device=device, context_length=context, batch_size=batch)).bytes

    if found.max_context_length:
        assert total(found.max_context_length, 1) <= usable
        assert total(max(1, found.max_context_length - 1), 1) <= usable  # between steps of 16 a mask is held twice
        assert all(total(2**power, 1) <= usable for power in range(found.max_context_length.bit_length()))
    assert total(found.max_context_length + 1, 1) > usable
    if found.max_batch_size:
        assert total(8192, found.max_batch_size) <= usable
        assert all(total(8192, 2**power) <= usable for power in range(found.max_batch_size.bit_length()))
    assert total(8192, found.max_batch_size + 1) > usable
    assert found.fits == (found.headroom >= 0)


def test_where_less_is_needed_further_on_what_fits_ends_before():
    """MiniMax-Text-01 reads prompts in blocks of 256 tokens: 257 need less than 256."""
    keys = {"model": "minimax-text-01", "phase": "prefill", "batch_size": 2, "device": "h100-sxm-80gb"}
    deployment = resolve(Scenario(**keys))

    def total(tokens):
        return estimate(Scenario(**keys, context_length=tokens)).bytes

    limit = total(257)
    longest = largest(lambda tokens: total(tokens) <= limit, 1024)
    assert total(256) > limit and longest < 256
    assert total(longest) <= limit < total(longest + 1)
    totals = lambda tokens, some: totals_at(deployment, tokens, np.full(len(tokens), 2.0))  # noqa: E731
    assert largest_within(totals, 1, 1024, limit)[0] == longest


def test_what_is_not_on_a_grid_is_exact_far_beyond_float64():
    memory = estimate(Scenario(model="llama-3.1-405b", attention="eager", context_length=2**30, batch_size=2**20))
    assert memory.bytes > 2**80
    assert isinstance(memory.bytes, int)


@given(
    st.dictionaries(
        st.sampled_from(
            ["model", "weights", "kv_cache", "context_length", "batch_size", "device", "phase", "kv_unified", "x"]
        ),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=12),
            st.lists(st.integers(), max_size=2),
        ),
    )
)
@settings(max_examples=300, deadline=None)
def test_any_mapping_gives_a_result_or_a_clear_error(keys):
    try:
        scenario = Scenario.from_mapping({"model": "gpt2"} | keys)
        assert np.isfinite(float(estimate(scenario).bytes))
    except InputError as error:
        assert str(error)


@pytest.mark.parametrize("phase", ["prefill", "decode", "peak"])
@pytest.mark.parametrize(
    ("model", "keys"),
    [
        ("llama-3.1-8b", {}),
        ("gpt-oss-20b", {"attention": "eager", "batch_size": 4}),
        ("qwen3-30b-a3b", {"step_tokens": 1024}),
        ("gemma-3-27b-it", {"weights": "fp8", "context_length": 40_000}),
        ("nemotron-h-8b-base-8k", {"use_cache": False}),
        ("llama-3.1-8b", {"engine": "vllm"}),
        ("deepseek-v3", {"engine": "sglang", "tensor_parallel": 8}),
        ("llama-3.1-8b", {"engine": "llama.cpp", "kv_offload": False}),
        ("gpt-oss-20b", {"engine": "llama.cpp", "gpu_layers": 9}),
    ],
)
def test_what_is_within_a_limit_is_all_there_is_and_a_byte_less_is_not(model, keys, phase):
    scenario = Scenario(model, device="h100-sxm-80gb", phase=phase, **keys)
    deployment = resolve(scenario)
    whole = amounts(deployment)
    assert amounts_within(deployment, int(whole.bytes)) == whole
    assert amounts_within(deployment, int(whole.bytes) - 1) is None
    assert amounts_within(deployment, int(whole["weights"].bytes) - 1) is None
