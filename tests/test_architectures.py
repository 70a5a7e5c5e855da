"""Config files of other models than the presets: their parameters, what their layers cache, and what is refused."""

import json
from collections import Counter
from pathlib import Path

import pytest

from memory_model import Scenario, load_model
from memory_model.accuracy.measured import table
from memory_model.architectures import read_config
from memory_model.errors import InputError
from memory_model.estimate import breakdown
from memory_model.presets import find_preset
from memory_model.resolve import resolve

CONFIGS = Path(__file__).parent / "configs"

PARAMETERS = {  # of the model class in transformers 5.23, built from the same file; of a checkpoint with code of its own
    "deepseek-moe-16b": 16_375_728_128,
    "exaone-3.5-7.8b": 7_818_448_896,
    "chatglm3-6b": 6_243_584_000,
    "glm-4-9b-chat": 9_399_951_360,
    "internvl2.5-8b": 8_075_365_376,
    "internvl3-8b": 7_944_373_760,
    "minicpm-2b": 2_724_880_896,
    "ling-lite-1.5": 16_801_974_272,
    "ling-mini-2.0": 16_255_638_528,
    "mimo-7b": 7_622_619_136,
    "baichuan2-7b": 7_505_973_248,
    "minimax-m2": 228_689_748_992,
    "codegen-350m": 356_712_448,
    "deepseek-v2": 235_741_434_880,
    "deepseek-v4-default": 284_325_869_015,
    "ettin-decoder-150m": 149_655_232,
    "falcon-40b": 41_303_293_952,
    "gemma-7b": 8_537_680_896,
    "gemma2-2b": 2_614_341_888,
    "gemma3n-e2b-text": 4_435_182_688,
    "gemma4-default": 5_077_177_856,
    "glm-4-9b-chat-hf": 9_399_951_360,
    "glm-5-default": 743_911_199_232,
    "gpt-j-6b": 6_050_882_784,
    "gpt-neo-1.3b": 1_315_575_808,
    "granite-4.1-30b": 28_865_728_512,
    "granite-4.1-3b": 3_402_836_480,
    "granite-4.1-8b-base": 8_380_551_168,
    "granite-4.2-8b": 8_791_592_960,
    "internlm3-8b": 8_804_241_408,
    "llama4-maverick-text": 400_711_848_960,
    "longcat-flash": 741_053_585_408,
    "mimo-v2-flash": 308_778_768_832,
    "minicpm3-4b": 4_073_875_968,
    "ministral3-8b-default": 8_489_553_920,
    "mistral4-default": 118_972_826_624,
    "mpt-7b": 6_649_286_656,
    "olmoe-1b-7b": 6_919_161_856,
    "phi3.5-moe": 41_873_153_344,
    "qwen1.5-moe-a2.7b": 14_315_784_192,
    "stablelm-3b": 2_795_443_200,
    "starcoder": 15_517_456_384,
    "xglm-564m": 564_463_616,
}

# What is cached: (layers, heads, width, window, one row for so many tokens), as the modeling code's own cache has it.
CACHED = {
    "deepseek-v3.2": [(61, 1, 512, None, 1), (61, 1, 64, None, 1), (61, 1, 128, None, 1)],
    "glm-5.3": [(78, 1, 512, None, 1), (78, 1, 64, None, 1), (21, 1, 128, None, 1)],
    "deepseek-v4-flash": [(43, 1, 512, 128, 1), (21, 1, 512, None, 4), (20, 1, 512, None, 128), (21, 1, 128, None, 4)],
    "gemma-4-31b-it": [(20, 4, 512, None, 1), (100, 16, 256, 1024, 1)],
    "gemma-4-e4b-it": [(8, 2, 512, None, 1), (40, 2, 256, 512, 1)],
    "gemma-3n-e4b-it": [(8, 2, 256, None, 1), (32, 2, 256, 512, 1)],
    "mimo-v2-flash": [(9, 4, 192, None, 1), (9, 4, 128, None, 1), (39, 8, 192, 129, 1), (39, 8, 128, 129, 1)],
    "llama-4-scout-17b-16e-instruct": [(24, 8, 128, None, 1), (72, 8, 128, 8192, 1)],
    "minimax-m3": [(120, 4, 128, None, 1), (57, 1, 128, None, 1)],
    "command-a-03-2025": [(32, 8, 128, None, 1), (96, 8, 128, 4096, 1)],
    "olmo-3-32b-think": [(32, 8, 128, None, 1), (96, 8, 128, 4096, 1)],
    "llama-3_3-nemotron-super-49b-v1": [(98, 8, 128, None, 1)],
    "falcon-7b": [(64, 1, 64, None, 1)],
}


def config(name):
    return json.loads((CONFIGS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_the_parameters_of_files_that_leave_keys_out(name, parameters):
    assert read_config(config(name), name).parameters() == parameters


@pytest.mark.parametrize("row", table("class_parameters.csv"), ids=lambda row: f"{row['model_type']} {row['keys']}")
def test_the_parameters_of_a_class_in_its_defaults_and_in_other_shapes(row):
    keys = json.loads(row["keys"]) | {"model_type": row["model_type"]}
    assert read_config(keys, "x").parameters() == int(row["parameters"])


@pytest.mark.parametrize(("name", "expected"), CACHED.items())
def test_what_the_layers_cache(name, expected):
    shape = load_model(next(n for n in (name, f"c4ai-{name}") if _known(n)))
    counted = Counter()
    for group in shape.layers:
        for entry in group.mixer.cache() if group.mixer else ():
            counted[entry.heads, entry.width, entry.window, entry.every] += len(group.layers)
    assert counted == Counter({row: layers for layers, *rest in expected for row in [tuple(rest)]})


def _known(name):
    try:
        return bool(find_preset(name))
    except InputError:
        return False


def test_falcon_repeats_keys_before_it_caches_them():
    entries = read_config(config("falcon-40b"), "falcon-40b").layers[0].mixer.cache()
    assert [(entry.heads, entry.repeated_heads, entry.width) for entry in entries] == [(8, 128, 64)] * 2


def test_layers_keep_their_positions():
    shape = load_model("gemma-4-e4b-it")
    full = [i for group in shape.layers if group.mixer.head_dim == 512 for i in group.layers]
    assert sorted(full) == [5, 11, 17, 23, 29, 35, 41]
    silent = [i for group in shape.layers if not group.mixer.cache() for i in group.layers]
    assert sorted(silent) == list(range(24, 42))


@pytest.mark.parametrize(
    ("name", "tensor", "values"),
    [
        ("ernie-4.5-21b-a3b-pt", "router", 64 * 2560),
        ("deepseek-v4-flash", "attn_hc.fn", 24 * 4 * 4096),
        ("glm-4.5-air", "e_score_correction_bias", 128),
    ],
)
def test_what_stays_in_float32(name, tensor, values):
    found = {t.role: t for _, t in load_model(name).tensors()}[tensor]
    assert (found.pinned, found.values) == ("fp32", values)


def test_towers_are_counted_apart():
    shape = load_model("gemma-4-e4b-it")
    assert shape.parts == ("text", "vision", "audio")
    assert shape.parameters("all") - shape.parameters("text") == 169_330_688 + 308_756_768


def test_the_whole_file_decides_whether_embeddings_are_tied():
    keys = dict(find_preset("qwen3-vl-8b-instruct").config)
    untied = read_config(keys, "x").parameters()
    tied = read_config(keys | {"tie_word_embeddings": True}, "x").parameters()
    assert untied - tied == 151_936 * 4096


@pytest.mark.parametrize(
    ("preset", "change", "message"),
    [
        ("phi-1", {"qk_layernorm": True}, "x › qk_layernorm: True is not understood; known: False"),
        ("falcon-7b", {"new_window_size": 7}, "x › new_window_size: 7 may change memory and is not understood"),
        ("glm-5.3", {"indexer_types": ["full"]}, "x › indexer_types: expected a list of 78 entries, one a layer"),
        ("hunyuan-7b-instruct", {"use_cla": True}, "x › use_cla: True is not understood; known: False"),
        ("minimax-m2.7", {"attn_type_list": [0]}, "x › attn_type_list: only 1 (full attention) is understood"),
        ("gemma-4-e4b-it", {"vision_config": None}, "x › vision_config: missing; add the section"),
    ],
)
def test_what_would_change_memory_unnoticed_is_refused(preset, change, message):
    with pytest.raises(InputError) as error:
        read_config({**find_preset(preset).config, **change}, "x")
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"model_type": "exaone_moe", "is_moe_layer": [True] * 32},
            "x › is_moe_layer: says otherwise than first_k_dense",
        ),
        (
            {"model_type": "laguna", "mlp_only_layers": [0, 1]},
            "x › mlp_only_layers: says otherwise than mlp_layer_types",
        ),
        (
            {"model_type": "laguna", "num_attention_heads_per_layer": [48]},
            "x › num_attention_heads_per_layer: expected 40",
        ),
        ({"model_type": "granitemoe_swa", "layer_rope_theta": [1e4]}, "x › layer_rope_theta: expected a list of 32"),
        ({"model_type": "hy_v3", "expert_hidden_dim": 99}, "x › expert_hidden_dim: 99 is not understood; known: 1536"),
        ({"model_type": "step3p5", "moe_layers_enum": "3-44"}, "x › moe_layers_enum: expected the numbers of layers"),
        (
            {"model_type": "dbrx", "attn_config": {"kv_n_heads": 3}},
            "x › attn_config › kv_n_heads: 3 does not divide 16",
        ),
        (
            {"model_type": "gemma3n_text", "intermediate_size": []},
            "x › intermediate_size: expected a whole number, got []",
        ),
        (
            {"model_type": "qwen3_moe", "num_experts_per_tok": 129},
            "x › num_experts_per_tok: more than there are experts",
        ),
        ({"model_type": "deepseek_v3", "n_group": "x"}, "x › n_group: expected a whole number, got 'x'"),
        ({"model_type": "deepseek_v3", "topk_group": [1]}, "x › topk_group: expected a whole number, got [1]"),
        ({"model_type": "deepseek_v3", "scoring_func": []}, "x › scoring_func: [] is not understood"),
        ({"model_type": "bloom", "rope_parameters": float("nan")}, "x › rope_parameters: expected a mapping of keys"),
        ({"model_type": "llama", "mm_tokens_per_image": 0.5}, "x › mm_tokens_per_image: expected a whole number"),
        ({"model_type": "bailing_hybrid", "q_lora_rank": 64}, "x › q_lora_rank: 64 is not understood; known: None"),
        ({"model_type": "longcat_flash", "qk_head_dim": 96}, "x › qk_head_dim: 96 is not understood; known: None, 192"),
        (
            {"model_type": "xlstm", "embedding_dim": 2048},
            "x › embedding_dim: 2048 is not understood; known: None, 4096",
        ),
        ({"model_type": "zamba2", "attention_hidden_size": 64}, "x › attention_hidden_size: 64 is not understood"),
        ({"model_type": "zamba2", "hybrid_layer_ids": [6]}, "x › hybrid_layer_ids: [6] is not understood"),
    ],
)
def test_keys_that_contradict_others_are_refused(keys, message):
    with pytest.raises(InputError) as error:
        read_config(keys, "x")
    assert str(error.value).startswith(message)


def test_experts_that_doge_looks_up_are_weights_whose_activations_are_only_assumed():
    keys = {"model_type": "doge", "num_hidden_layers": 2, "torch_dtype": "bfloat16"}
    found = [
        breakdown(resolve(Scenario("x"), read_config(keys | {"is_moe": moe}, "x")))["activations"].evidence.value
        for moe in (False, True)
    ]
    assert found == ["measured", "assumed"]
