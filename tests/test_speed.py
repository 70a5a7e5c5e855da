"""The least time of a step: small cases by hand, published sizes, and laws that every bound obeys."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from memory_model import InputError, Scenario
from memory_model.attention_work import Look, Read
from memory_model.presets import model_presets
from memory_model.resolve import resolve
from memory_model.speed import (
    at_context,
    seconds_per_token,
    time_bound,
)
from memory_model.step_work import active_values, decode_step, prefill, share_touched, step_work
from memory_model.tensors import CacheEntry

H100 = "h100-sxm-80gb"


def deployed(model="llama-3.1-8b", **keys):
    return resolve(Scenario(**({"model": model, "device": H100} | keys)))


def test_llama_8b_by_hand():
    """32 layers of 4096 hidden values, 32 query and 8 KV heads of 128, MLPs of 14336, a vocabulary of 128256."""
    work = decode_step(deployed(context_length=8192))
    matrices = 32 * (4096 * (4096 + 2 * 1024) + 4096 * 4096 + 3 * 4096 * 14336) + 128256 * 4096
    scores = 32 * 32 * (128 + 128) * 8192
    assert work.flops == 2 * (matrices + scores) == 19_304_284_160
    norms, cache = 65 * 4096, 32 * 2 * 8 * 128 * 8192
    assert work.bytes == 2 * (matrices + norms + cache) == 16_083_591_168


def test_llama_8b_on_an_h100_takes_at_least_4_8_ms_a_token():
    """16.08 GB at 3.35 TB/s; the prompt is bound by 989 TFLOPS instead."""
    deployment = deployed(context_length=8192)
    bound = time_bound(deployment, decode_step(deployment))
    assert bound.seconds == bound.memory_seconds == 16_083_591_168 / 3.35e12 > 4.8e-3
    assert bound.binds == "memory"
    assert 1 / seconds_per_token(deployment) == pytest.approx(208.3, abs=0.05)
    reading = prefill(deployment)
    read = time_bound(deployment, reading)
    assert read.binds == "compute" and read.seconds == reading.flops / 989e12


@pytest.mark.parametrize(
    "model", ["llama-3.1-70b", "qwen3-30b-a3b", "mixtral-8x7b-v0.1", "gemma-3-27b-it", "gpt-oss-120b"]
)
def test_operations_are_two_for_every_active_parameter_and_the_attention(model):
    """But for what no token multiplies by: a table that is looked up, norms and biases."""
    deployment = deployed(model, device="none")
    work = decode_step(at_context(deployment, 1))
    matrices = sum(int(each.count) for each in work.operations if each.label.startswith("matrices"))
    shape = deployment.model
    untied = any(tensor.role == "lm_head" for tensor in shape.head)
    table = shape.embeddings[0].values if untied else 0
    vectors = sum(len(at) * t.values * t.active for at, t in shape.tensors("text") if t.is_vector and not t.buffer)
    assert matrices == 2 * (shape.active_parameters("text") - table - int(vectors))


def counted(limit, every, past, new):
    return sum(min(i // every, limit) for i in range(past + 1, past + new + 1))


@pytest.mark.parametrize("limit,every", [(10**9, 1), (16, 1), (1, 1), (10**9, 4), (3, 4), (5, 128)])
def test_pairs_are_counted_token_by_token(limit, every):
    look = Look("", 1, 1, every, None if limit == 10**9 else limit)
    for past, new in ((0, 1), (0, 15), (0, 16), (0, 17), (15, 1), (40, 1), (3, 700), (900, 33)):
        assert look.pairs(past, new) == counted(limit, every, past, new)
    grid = look.pairs(np.array([0.0, 40.0, 900.0]), np.array([16.0, 1.0, 33.0]))
    assert list(grid) == [counted(limit, every, p, n) for p, n in ((0, 16), (40, 1), (900, 33))]


@pytest.mark.parametrize(
    "window,past,rows", [(None, 9000, 9000), (4096, 9000, 4095), (4096, 100, 100)], ids=["full", "window", "young"]
)
def test_a_window_layer_reads_its_window(window, past, rows):
    entry = CacheEntry("keys", 8, 128, window=window)
    assert Read(entry, window - 1 if window else None).rows(past) == rows


def test_experts_that_a_batch_touches():
    """8 of 128: the first token touches 8; a second one is expected to bring 7.5 more; a thousand touch them all."""
    share = Fraction(8, 128)
    assert share_touched(share, 1) == share
    assert share_touched(share, 2) * 128 == Fraction(31, 2)
    assert share_touched(share, 1000) == 1
    one, many = (decode_step(deployed("qwen3-30b-a3b", batch_size=n)) for n in (1, 1000))
    experts = [next(t.bytes for t in work.moved if t.label == "weights: experts") for work in (one, many)]
    assert experts[1] == 16 * experts[0] == 48 * 128 * 3 * 2048 * 768 * 2


def test_latent_attention_is_absorbed_unless_transformers_expands_it():
    """DeepSeek-V2-Lite: 27 layers, 16 heads; rows of 512 + 64 values against heads of 192 and 128."""
    context = 4096
    absorbed, expanded = (
        [each for each in decode_step(deployed("deepseek-v2-lite", engine=engine, context_length=context)).operations]
        for engine in ("vllm", "transformers")
    )
    assert sum(int(o.count) for o in absorbed if o.label.startswith("attention")) == 2 * 27 * 16 * (576 + 512) * context
    assert sum(int(o.count) for o in expanded if o.label.startswith("attention")) == 2 * 27 * 16 * (192 + 128) * context
    again = sum(int(o.count) for o in expanded if o.label == "latent rows expanded again")
    assert again == 2 * 27 * 16 * (128 + 128) * 512 * (context - 1)


@pytest.mark.parametrize("model", ["deepseek-v3.2", "glm-5.3"])
def test_an_indexer_picks_2048_tokens(model):
    """Also for the layers that follow its picks."""
    short, long = (decode_step(deployed(model, engine="vllm", context_length=n)) for n in (2048, 65536))
    grown = {
        label
        for label in {term.label for term in short.moved}
        if sum(int(t.bytes) for t in long.moved if t.label == label)
        > sum(int(t.bytes) for t in short.moved if t.label == label) + 2**20
    }
    assert grown == {"cache read: indexer key"}


def test_states_are_read_and_written_whatever_the_context():
    """Falcon Mamba: 64 layers with 8192 x 16 float32 values."""
    near, far = (decode_step(deployed("falcon-mamba-7b", context_length=n)) for n in (10, 100_000))
    assert (near.flops, near.bytes) == (far.flops, far.bytes)
    state = next(term for term in near.moved if term.label == "recurrent state")
    assert state.bytes == 2 * 64 * 8192 * 16 * 4


def runs(model: str, engine: str, weights: str) -> bool:
    """Whether an engine has the model, and loads it in these weights."""
    try:
        deployed(model, engine=engine, weights=weights)
    except InputError:
        return False
    return True


SAMPLE = [
    (model, *how)
    for model in sorted(model_presets())[::9]
    for how in (("transformers", "published"), ("vllm", "published"), ("llama.cpp", "q4_k_m"))
    if runs(model, *how)
]


def test_the_sample_leaves_few_out():
    assert len(SAMPLE) >= 0.9 * 3 * len(sorted(model_presets())[::9])


@pytest.mark.parametrize(("model", "engine", "weights"), SAMPLE)
def test_the_bound_never_falls_as_context_or_batch_grow(model, engine, weights):
    deployment = deployed(model, engine=engine, weights=weights)
    contexts = np.array([1.0, 2, 100, 4096, 4097, 131072])[:, None]
    batches = np.array([1.0, 2, 64])[None, :]
    grid = replace(deployment, workload=replace(deployment.workload, context_length=contexts, batch_size=batches))
    found = [
        np.broadcast_to(seconds, (6, 3))
        for seconds in (seconds_per_token(grid), time_bound(grid, prefill(grid)).seconds)
    ]
    for seconds in found:
        assert np.all(np.diff(seconds, axis=0) >= -1e-12)
        assert np.all(np.diff(seconds, axis=1) >= -1e-12)
    point = replace(deployment, workload=replace(deployment.workload, context_length=4097, batch_size=64))
    assert found[0][4, 2] == pytest.approx(seconds_per_token(point), rel=1e-6)
    assert found[1][4, 2] == pytest.approx(time_bound(point, prefill(point)).seconds, rel=1e-6)


def test_a_prompt_in_two_parts_is_the_same_attention():
    deployment = deployed("gemma-3-27b-it", context_length=3000)

    def attention(past, new):
        return sum(
            int(o.count) for o in step_work(deployment, past, new, "prefill").operations if "attention" in o.label
        )

    def window(past, new):
        return sum(int(o.count) for o in step_work(deployment, past, new, "prefill").operations if "window" in o.label)

    for part in (attention, window):
        assert part(0, 3000) == part(0, 1000) + part(1000, 2000) > 0


def test_gpus_share_the_work_and_not_latent_rows():
    one, four = (decode_step(deployed("deepseek-v2-lite", engine="vllm", tensor_parallel=n)) for n in (1, 4))
    assert four.flops == pytest.approx(one.flops / 4, rel=1e-6)
    rows = [sum(int(t.bytes) for t in work.moved if t.label == "cache read: latent") for work in (one, four)]
    assert rows[0] == rows[1]


def test_active_values_of_a_tied_model_count_the_table_once():
    layers, head = active_values(deployed("gemma-3-1b-it").model)
    assert head == 262144 * 1152 and "embedding" not in dict(layers)
