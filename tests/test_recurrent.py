"""Recurrent and hybrid models: parameters, states and caches as transformers 5.23.0 holds them, byte for byte.

`measured/transformers_cache_hybrids.csv`: caches that the modeling code left behind, under fake tensors, bf16, torch 2.13.0;
`configs/`: the configs of those runs. `measured/transformers_small_hybrids.jsonl`: six random small configs of most families,
built and run on a CPU in bf16 (RecurrentGemma's states, which live in its layers, included); `vision` counts a tower.
"""

import csv
import json
from functools import cache
from pathlib import Path

import pytest

from memory_model import Scenario, estimate, load_model
from memory_model.architectures import read_config
from memory_model.errors import InputError
from memory_model.estimate import breakdown
from memory_model.resolve import resolve

HERE = Path(__file__).parent
ROWS = list(csv.DictReader((HERE / "measured" / "transformers_cache_hybrids.csv").read_text("utf-8").splitlines()))
SMALL = [
    json.loads(line)
    for line in (HERE / "measured" / "transformers_small_hybrids.jsonl").read_text("utf-8").splitlines()
]
PARAMETERS = {  # counted in the model classes: all, and those that one token passes through
    "bamba-9b": (9_780_235_392, 9_780_235_392),
    "codestral-mamba-7b": (7_285_403_648, 7_285_403_648),
    "granite-4.0-h-small": (32_207_337_984, 8_803_121_664),
    "granite-4.0-h-tiny": (6_939_037_248, 1_465_470_528),
    "jamba-v0.1": (51_570_323_328, 12_110_311_296),
    "kimi-linear-48b-a3b": (49_122_675_072, 3_484_453_248),
    "lfm2-1.2b": (1_170_340_608, 1_170_340_608),
    "mamba-2.8b": (2_768_345_600, 2_768_345_600),
    "mamba2-2.7b": (2_702_599_680, 2_702_599_680),
    "minimax-text-01": (456_089_655_296, 48_403_306_496),
    "nemotron-h-8b": (8_100_852_736, 8_100_852_736),
    "qwen3-next-80b-a3b": (79_674_391_296, 3_874_929_408),
    "qwen3.5-35b-a3b-default": (34_660_610_688, 3_454_988_928),
    "zamba2-2.7b-default": (2_481_848_336, 2_481_848_336),
}
STATES = {  # bytes per sequence whatever the context, bytes per token: differences of measured rows
    "bamba-9b": (123_594_752, 12_288),
    "granite-4.0-h-tiny": (57_581_568, 8_192),
    "jamba-v0.1": (16_515_072, 16_384),
    "kimi-linear-48b-a3b": (43_909_120, 8_064),
    "lfm2-1.2b": (122_880, 12_288),
    "mamba-2.8b": (23_592_960, 0),
    "mamba2-2.7b": (170_524_672, 0),
    "minimax-text-01": (146_800_640, 40_960),
    "nemotron-h-8b": (102_629_376, 16_384),
    "qwen3-next-80b-a3b": (77_856_768, 24_576),
    "zamba2-2.7b-default": (73_046_016, 184_320),
}


@cache
def shape(config):
    return read_config(json.loads((HERE / "configs" / f"{config}.json").read_text("utf-8")), config)


def wide(pinned):
    return {"fp32": 4, "int64": 8}.get(pinned, 2)


def cache_bytes(model, tokens, sequences):
    """What the declared entries amount to in bf16; a window holds one token less than its width."""
    total = 0
    for group in model.layers:
        for entry in group.mixer.cache() if group.mixer else ():
            held = tokens if entry.window is None else min(tokens, entry.window - 1)
            rows = held if entry.grows else 1
            total += len(group.layers) * sequences * rows * entry.heads * entry.width * wide(entry.pinned)
    return total


@pytest.mark.parametrize(("config", "counts"), PARAMETERS.items())
def test_parameters_and_active_parameters(config, counts):
    assert (shape(config).parameters(), shape(config).active_parameters()) == counts


@pytest.mark.parametrize("config", sorted({row["config"] for row in ROWS}))
def test_caches_equal_what_was_measured(config):
    for row in (row for row in ROWS if row["config"] == config):
        tokens, sequences = int(row["context_length"]), int(row["batch_size"])
        scenario = Scenario(model=config, weights="bf16", context_length=tokens, batch_size=sequences)
        assert breakdown(resolve(scenario, shape(config)))["kv_cache"].bytes == int(row["cache_bytes"]), row


@pytest.mark.parametrize(("config", "held"), STATES.items())
def test_a_state_per_sequence_and_keys_and_values_per_token(config, held):
    state, per_token = held
    assert cache_bytes(shape(config), 0, 1) == state
    assert cache_bytes(shape(config), 1, 1) - state == per_token


@pytest.mark.parametrize("index", range(len(SMALL)), ids=lambda i: f"{SMALL[i]['config']['model_type']}-{i % 6}")
def test_small_random_configs_of_every_family(index):
    row = SMALL[index]
    model = read_config(row["config"], "small")
    assert model.parameters() == row["parameters"]
    assert sorted(i for group in model.layers for i in group.layers) == list(range(model.num_hidden_layers))
    if "vision" in row:
        assert sum(copies * tensor.values for copies, tensor in model.towers[0].tensors) == row["vision"]
        return
    stored = sum(len(at) * t.values * wide(t.pinned) for at, t in model.tensors() if not t.buffer)
    assert stored == row["parameter_bytes"]
    assert cache_bytes(model, row["context_length"], row["batch_size"]) == row["cache_bytes"]


@pytest.mark.parametrize("model", ["mamba-2.8b", "falcon-mamba-7b", "mamba-codestral-7b-v0.1"])
def test_a_recurrent_cache_does_not_grow_with_the_context(model):
    held = [
        estimate(Scenario(model=model, context_length=tokens))["kv_cache"].bytes for tokens in (1, 4_096, 1_000_000)
    ]
    assert len(set(held)) == 1
    twice = estimate(Scenario(model=model, context_length=4_096, batch_size=2))["kv_cache"].bytes
    assert twice == 2 * held[0]


@pytest.mark.parametrize("model", ["mamba-2.8b", "minimax-text-01", "qwen3.5-9b"])
def test_states_do_not_follow_the_format_of_the_cache(model):
    """States are written in place by their own kernels; transformers' quantised cache holds keys and values only."""
    held = [
        sum(
            term.bytes
            for term in estimate(Scenario(model=model, kv_cache=kv_cache))["kv_cache"].terms
            if "state" in term.label
        )
        for kv_cache in ("bf16", "fp8")
    ]
    assert held[0] == held[1] > 0


@pytest.mark.parametrize(
    ("model", "convolution_mib", "recurrent_mib"),
    [  # printed by llama.cpp 0c1e57098 for one sequence: R and S in float32
        ("qwen3-next-80b-a3b", 3.375, 72.0),
        ("mamba2-2.7b", 3.9375, 160.0),
    ],
)
def test_the_states_of_llama_cpp(model, convolution_mib, recurrent_mib):
    states = [
        (len(group.layers), group.mixer) for group in shape(model).layers if hasattr(group.mixer, "llama_cpp_state")
    ]
    assert sum(n * mixer.llama_cpp_state()[0] for n, mixer in states) * 4 == convolution_mib * 2**20
    assert sum(n * mixer.llama_cpp_state()[1] for n, mixer in states) * 4 == recurrent_mib * 2**20


def test_two_spellings_of_one_pattern_are_one_model():
    letters = {"model_type": "nemotron_h", "hybrid_override_pattern": "M-M*E"}
    names = {"model_type": "nemotron_h", "layers_block_type": ["mamba", "mlp", "mamba", "attention", "moe"]}
    first, second = read_config(letters, "letters"), read_config(names, "names")
    assert first.layers == second.layers
    assert [group.layers for group in first.layers] == [(0, 2), (1,), (3,), (4,)]
    assert [group.mixer is None for group in first.layers] == [False, True, False, True]


def test_kimi_counts_its_layers_from_one():
    listed = {"head_dim": 128, "num_heads": 32, "full_attn_layers": [4], "kda_layers": [1, 2, 3, 5]}
    model = read_config({"model_type": "kimi_linear", "num_hidden_layers": 5, "linear_attn_config": listed}, "x")
    assert [(type(g.mixer).__name__, g.layers) for g in model.layers if 3 in g.layers] == [("LatentAttention", (3,))]


def test_a_stated_inner_width_wins_over_its_expansion():
    """Falcon Mamba's file says expand 16, and 8,192 inner values on 4,096."""
    file = {"model_type": "falcon_mamba", "vocab_size": 65024, "hidden_size": 4096, "num_hidden_layers": 64}
    file |= {"expand": 16, "intermediate_size": 8192, "time_step_rank": 256, "tie_word_embeddings": False}
    assert read_config(file, "falcon").parameters() == load_model("falcon-mamba-7b").parameters()


def test_old_and_new_names_of_minimax():
    new = load_model("minimax-text-01")
    old = {key: value for key, value in new.config.items() if key != "layer_types"}
    old |= {"model_type": "minimax_text_01", "attn_type_list": ([0] * 7 + [1]) * 10, "shared_intermediate_size": 0}
    assert read_config(old, "old").layers == new.layers


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"model_type": "nemotron_h", "hybrid_override_pattern": "M-X"},
            "x › hybrid_override_pattern: ['X'] is not understood; known: M * - E",
        ),
        (
            {"model_type": "mamba2", "num_heads": 100},
            "x › num_heads: 100 × head_dim 64 is not 8192, expand × hidden_size; check the file",
        ),
        ({"model_type": "mamba", "d_model": 2048}, "x › d_model: 2048 is not understood; known: 768"),
        (
            {"model_type": "bamba", "mamba_n_heads": 100},
            "x › mamba_n_heads: 100 does not divide 8192 inner values; check the file",
        ),
        (
            {"model_type": "jamba", "attn_layer_offset": 8},
            "x › attn_layer_offset: 8 is not below attn_layer_period 8; check the file",
        ),
        ({"model_type": "lfm2_moe"}, "x › layer_types: missing; add the kind of every layer"),
        (
            {"model_type": "zamba2", "num_hidden_layers": 12},
            "x › layers_block_type: missing; add the kind of every layer",
        ),
        (
            {"model_type": "qwen3_next", "attn_output_gate": False},
            "x › attn_output_gate: False is not understood; known: True",
        ),
        (
            {"model_type": "kimi_linear", "linear_attn_config": {"full_attn_layers": [4], "kda_layers": [1]}},
            "x › linear_attn_config › kda_layers: with full_attn_layers they are not the layers 1 to 27; check the file",
        ),
        (
            {"model_type": "qwen3_5", "vision_config": {"deepstack_visual_indexes": [8]}},
            "x › vision_config › deepstack_visual_indexes: [8] is not understood; known: []",
        ),
        (
            {"model_type": "recurrent_gemma", "block_types": ["conv"]},
            "x › block_types: ['conv'] is not understood; known: a list of recurrent, attention",
        ),
    ],
)
def test_refusals_name_key_value_and_repair(change, message):
    with pytest.raises(InputError) as refusal:
        read_config(change, "x")
    assert str(refusal.value) == message


@pytest.mark.parametrize("model", ["falcon-mamba-7b", "jamba-v0.1", "nemotron-h-8b-base-8k", "deepseek-v2-lite"])
def test_states_and_latent_rows_are_not_called_heads(model: str):
    for term in estimate(Scenario(model))["kv_cache"].terms:
        names = [factor.name for factor in term.factors]
        assert ("KV heads" in names) == (term.part not in ("state", "latent")), (term.label, names)
