"""llama.cpp with layers on the host and on several GPUs: where bytes lie, and what stays the same wherever they lie."""

import csv
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest

from memory_model import InputError, Scenario, estimate
from memory_model.amount import Evidence
from memory_model.engines.llama_cpp.cache import cache_at
from memory_model.engines.llama_cpp.compute_buffer import reserved
from memory_model.engines.llama_cpp.context import Context
from memory_model.engines.llama_cpp.divided import compute_at
from memory_model.engines.llama_cpp.offload import replays
from memory_model.engines.llama_cpp.placement import HOST, placement_of
from memory_model.engines.llama_cpp.recipes import recipe_of
from memory_model.engines.llama_cpp.scheduled import Divided
from memory_model.engines.llama_cpp.stored import weights_at
from memory_model.estimate import over_grid
from memory_model.gguf.tensors import gguf_tensors
from memory_model.presets import load_model
from memory_model.resolve import resolve

MIB = 2**20
MODELS = ["llama-3.1-8b", "llama-3.2-1b-instruct", "gemma-3-27b-it", "qwen3-30b-a3b", "granite-4.0-h-small"]


@cache
def context(model, **keys):
    keys = {"weights": "q4_k_m"} | keys
    return Context(resolve(Scenario(model=model, engine="llama.cpp", **keys)))


def memory(model, **keys):
    return estimate(Scenario(**({"model": model, "engine": "llama.cpp", "weights": "q4_k_m"} | keys)))


def values(found, place):
    """Bytes without the padding, which differs between the host and a GPU."""
    return sum(term.bytes for term in found(place).terms if "padding" not in term.label)


def test_the_last_layers_are_offloaded_and_the_output_layer_first():
    """llama-model.cpp: i_gpu_start = max(n_layer + 1 - n_gpu_layers, 0)."""
    found = [placement_of(context("llama-3.1-8b", gpu_layers=layers).deployment) for layers in (0, 1, 3, 32, 33, 99)]
    assert [place.layers.count(0) for place in found] == [0, 0, 2, 31, 32, 32]
    assert [place.output for place in found] == [HOST, 0, 0, 0, 0, 0]
    assert found[2].layers[-3:] == (HOST, 0, 0)


def test_layers_are_divided_in_equal_parts_the_output_layer_among_them():
    """33 layers over two GPUs: 17 and 15 with the output; over three: 11, 11, and 10 with the output."""
    for gpus, counts in ((2, [17, 15]), (3, [11, 11, 10]), (33, [1] * 32 + [0])):
        place = placement_of(context("llama-3.1-8b", pipeline_parallel=gpus).deployment)
        assert [place.layers.count(gpu) for gpu in range(gpus)] == counts
        assert place.output == gpus - 1


@pytest.mark.parametrize(
    ("logits", "place", "mib"),
    [("all", 0, 172.04), ("all", 1, 322.55), ("server", 0, 172.04), ("server", 1, 172.04), ("all", HOST, 72.05)],
)
def test_compute_buffers_of_two_gpus_are_those_of_the_engine(logits, place, mib):
    """Llama-3.1-8B, 8,192 tokens, layer split over two devices that follow the CUDA backend's rules (0c1e57098)."""
    found = compute_at(context("llama-3.1-8b", pipeline_parallel=2, logits=logits), place)
    assert round(found.bytes / MIB, 2) == mib
    assert found.evidence is Evidence.MEASURED


@pytest.mark.parametrize(
    ("model", "keys", "mib"),
    [("llama-3.1-70b", {"gpu_layers": 40}, 311.75), ("llama-3.1-8b", {"kv_offload": False}, 112.00)],
)
def test_compute_buffers_beside_the_host_are_those_of_the_engine(model, keys, mib):
    """8,192 tokens at 0c1e57098; matrices and cells of host layers are copied to the GPU for a prompt."""
    found = compute_at(context(model, **keys), 0)
    assert round(found.bytes / MIB, 2) == mib
    assert found.evidence is Evidence.MEASURED


def divided_rows():
    """Contexts that 0c1e57098 created from a file with devices that follow the CUDA backend's rules: compute buffers in bytes."""
    with (Path(__file__).parent / "measured" / "llamacpp_divided.csv").open() as file:
        return list(csv.DictReader(file))


def asked(row):
    keys = {key: int(row[key]) for key in ("context_length", "batch_size", "step_tokens", "pipeline_parallel")}
    keys |= {key: row[key] == "true" for key in ("kv_unified", "kv_offload")}
    keys |= {key: row[key] for key in ("attention", "logits", "kv_cache")}
    return keys | ({"gpu_layers": int(row["gpu_layers"])} if row["gpu_layers"] else {})


def test_compute_buffers_of_divided_models_are_those_of_the_engine():
    count = 0
    for row in divided_rows():
        found = context(row["model"], **asked(row))
        for place, column in ((0, "gpu_0"), (1, "gpu_1"), (2, "gpu_2"), (HOST, "host")):
            if row[column]:
                assert (row, compute_at(found, place).bytes) == (row, int(row[column]))
                count += 1
    assert count > 400


@pytest.mark.parametrize("model", MODELS)
def test_device_and_host_hold_the_file(model):
    tensors = gguf_tensors(load_model(model), "q4_k_m")
    tied = all(tensor.name != "output.weight" for tensor in tensors)
    file = values(lambda place: weights_at(context(model, placement="cpu"), place), HOST)
    shared = sum(4 * t.columns for t in tensors if t.name.startswith("rope_"))
    head = next(t for t in tensors if t.name == ("token_embd.weight" if tied else "output.weight"))
    head_bytes = values(lambda place: weights_at(context(model, gpu_layers=1), place), 0)
    for layers in (0, 1, 2, 7, 1000):
        found = context(model, gpu_layers=layers)
        places = found.placement
        held = sum(values(partial(weights_at, found), place) for place in (HOST, 0))
        twice = shared if {*places.layers} == {HOST, 0} else 0
        twice += head_bytes - 4 * head.columns if tied and layers else 0
        assert held == file + twice


@pytest.mark.parametrize("model", MODELS)
def test_the_device_never_holds_less_with_more_layers(model):
    whole = load_model(model).num_hidden_layers + 1
    found = [memory(model, gpu_layers=layers) for layers in (0, 1, 2, whole // 2, whole - 1, whole)]
    for name in ("weights", "kv_cache"):
        sizes = [each[name].bytes for each in found]
        assert sizes == sorted(sizes)
        assert sizes[0] == 0
        assert sizes[-1] == memory(model)[name].bytes == memory(model, gpu_layers=whole + 5)[name].bytes


@pytest.mark.parametrize("model", MODELS)
def test_the_cache_is_the_same_wherever_it_lies(model):
    def held(**keys):
        found = context(model, batch_size=2, **keys)
        return sum(
            values(lambda place: cache_at(found, place), place) for place in (HOST, *range(found.placement.gpus))
        )

    everything = held()
    for keys in ({"gpu_layers": 0}, {"gpu_layers": 9}, {"kv_offload": False}, {"pipeline_parallel": 3}):
        assert held(**keys) == everything
    assert memory(model, kv_offload=False)["kv_cache"].bytes == 0
    assert memory(model, kv_offload=False)["weights"].bytes == memory(model)["weights"].bytes


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("gpus", [2, 5])
def test_several_gpus_hold_together_what_one_does(model, gpus):
    def rotation(found, gpu):
        return sum(term.bytes for term in weights_at(found, gpu).terms if term.label.startswith("rope_"))

    found, one = context(model, pipeline_parallel=gpus), context(model)
    for part in (weights_at, cache_at):
        together = sum(part(found, gpu).bytes for gpu in range(gpus))
        again = sum(rotation(found, gpu) for gpu in range(1, gpus)) if part is weights_at else 0
        padding = 128 * gpus
        assert abs(together - again - part(one, 0).bytes) <= padding
    assert weights_at(found, HOST).bytes == weights_at(one, HOST).bytes


@pytest.mark.parametrize("keys", [{"pipeline_parallel": 2}, {"gpu_layers": 20}, {"kv_offload": False}])
@pytest.mark.parametrize(
    "model", ["llama-3.1-8b", "gemma-3-27b-it", "deepseek-v2-lite", "minimax-m3", "falcon-h1-7b-base"]
)
def test_a_grid_holds_the_points_of_the_fullest_gpu(model, keys):
    asked = {"model": model, "engine": "llama.cpp", "weights": "q4_k_m"} | keys
    contexts, batches = [1, 300, 8191, 131072], [1, 8]
    grid = over_grid(resolve(Scenario(**asked)), contexts, batches)
    for i, length in enumerate(contexts):
        for j, batch in enumerate(batches):
            for part in memory(model, **keys, context_length=length, batch_size=batch):
                assert grid.components[part.name][i, j] == part.bytes


def test_the_fullest_gpu_depends_on_the_context():
    """Few tokens: the GPU with the output matrix holds most; many: the one with more layers' cells."""
    totals = []
    for tokens in (256, 131072):
        found = context("llama-3.2-1b-instruct", pipeline_parallel=2, context_length=tokens)
        each = [sum(part(found, gpu).bytes for part in (weights_at, cache_at, compute_at)) for gpu in range(2)]
        totals.append(each)
        shown = memory("llama-3.2-1b-instruct", pipeline_parallel=2, context_length=tokens)
        assert sum(shown[name].bytes for name in ("weights", "kv_cache", "activations")) == max(each)
    assert np.argmax(totals[0]) == 1
    assert np.argmax(totals[1]) == 0


def test_without_layers_on_it_a_gpu_still_computes_for_the_host():
    """Prompts of 32 tokens and more are computed on the GPU, weights being copied to it (--op-offload)."""
    found = memory("llama-3.1-8b", gpu_layers=0)
    assert found["weights"].bytes == found["kv_cache"].bytes == 0
    assert found["activations"].bytes > 100 * MIB
    assert memory("llama-3.1-8b", gpu_layers=0, context_length=20, step_tokens=20)["activations"].bytes == 0


@pytest.mark.parametrize(
    ("model", "mix", "keys", "figures"),
    [
        ("qwen3-32b", "iq2_m", {"gpu_layers": 0}, {(1024, 2): 265_529_856, (2048, 2): 231_934_464}),
        ("qwen3-32b", "iq2_m", {"gpu_layers": 0, "kv_unified": True}, {(512, 4): 265_529_856, (1024, 4): 232_827_392}),
        ("qwen3-32b", "iq2_m", {"kv_unified": True}, {(256, 3): 196_214_784, (256, 4): 196_094_080}),
        ("mistral-large-instruct-2407", "q4_k_m", {"gpu_layers": 0}, {(8192, 3): 508_430_464, (12_288, 3): 483_215_488}),
        ("mistral-large-instruct-2407", "q4_k_m", {"kv_unified": True}, {(256, 3): 252_948_480, (256, 4): 252_717_184}),
        ("mimo-v2-flash", "q4_k_m", {"gpu_layers": 0}, {(256, 16): 1_934_624_768, (512, 16): 1_907_361_792}),
        ("mimo-v2-flash", "q4_k_m", {"gpu_layers": 0, "kv_unified": True}, {(512, 8): 1_943_013_376, (1024, 8): 1_936_721_920}),
        ("mimo-v2-flash", "q4_k_m", {"gpu_layers": 0, "kv_unified": True}, {(8192, 3): 1_995_720_832, (12_288, 3): 1_972_545_664}),
    ],
)  # fmt: skip
def test_what_a_gpu_computes_falls_where_the_engine_s_own_does(model, mix, keys, figures):
    """Figures of the engine: more cells fill another gap, and 512 tokens are 513 for three sequences."""
    asked = {"weights": mix, "attention": "flash"} | keys
    found = {
        (tokens, sequences): memory(model, **asked, context_length=tokens, batch_size=sequences)["activations"].bytes
        for tokens, sequences in figures
    }
    assert found == figures
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_window_is_as_wide_as_the_file_states():
    """Figures of the engine's cache on the host: 128 tokens, though transformers' class sees one more."""
    figures = {(512, 8): 401_080_320, (1024, 8): 495_452_160}
    for (tokens, sequences), held in figures.items():
        keys = {"gpu_layers": 0, "kv_unified": True, "context_length": tokens, "batch_size": sequences}
        assert cache_at(context("mimo-v2-flash", **keys), HOST).bytes == held


def test_the_terms_of_a_part_add_up_to_it():
    for keys in ({"gpu_layers": 12}, {"kv_offload": False}, {"pipeline_parallel": 4}):
        for part in (*memory("gemma-3-27b-it", **keys), *memory("gemma-3-27b-it", **keys).host):
            assert sum(term.bytes for term in part.terms) == part.bytes


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"placement": "cpu", "gpu_layers": 4},
            "gpu_layers: placement cpu has no GPU; use placement one-gpu, or leave gpu_layers out",
        ),
        (
            {"placement": "cpu", "pipeline_parallel": 2},
            "pipeline_parallel: placement cpu has no GPU; use placement one-gpu, or leave pipeline_parallel out",
        ),
        (
            {"pipeline_parallel": 34},
            "pipeline_parallel: 34 GPUs are more than the 33 layers to divide, the output layer included; use fewer",
        ),
        (
            {"pipeline_parallel": 4, "gpu_layers": 3},
            "pipeline_parallel: 4 GPUs are more than the 3 layers to divide, the output layer included; use fewer",
        ),
    ],
)
def test_what_cannot_be_placed_is_refused(keys, message):
    with pytest.raises(InputError) as error:
        memory("llama-3.1-8b", **keys)
    assert str(error.value) == message


@pytest.mark.parametrize("keys", [{"kv_offload": False}, {"pipeline_parallel": 2}, {"kv_cache": "iq4_nl"}], ids=str)
@pytest.mark.parametrize(
    ("model", "mix"), [("gemma-3-27b-it", "q4_k_m"), ("granite-4.0-h-small", "iq2_xxs"), ("gpt-oss-20b", "q8_0")]
)
def test_where_gpus_hold_all_weights_their_mix_decides_nothing(model, mix, keys):
    """Compared with the graph of the very file, and with what would be copied for a prompt as long, or as short."""
    for tokens, sequences in ((40_000, 1), (2_000, 40)):
        try:
            of_mix = context(model, weights=mix, context_length=tokens, batch_size=sequences, **keys)
        except InputError:
            pytest.skip("the engine refuses this cache")
        one, placement = of_mix.deployment, of_mix.placement
        own = Divided(
            one.model, recipe_of(one.model), placement, mix, one.formats, not one.options.kv_offload, all_on_gpus=False
        )
        for place in (*range(placement.gpus), HOST):
            assert compute_at(of_mix, place).bytes == max(replays(own, each)[place].bytes for each in reserved(of_mix))
