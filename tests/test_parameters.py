"""Every preset's layers add up to the parameters that its file states, and the file's own keys are all understood."""

import pytest

from memory_model import load_model
from memory_model.architectures import read_config
from memory_model.errors import InputError
from memory_model.presets import find_preset, model_presets

PUBLISHED = {  # parameters of the models' safetensors metadata on the Hub, 2026-11
    "llama-2-7b": 6_738_415_616,
    "llama-3.1-8b": 8_030_261_248,
    "llama-3.1-70b": 70_553_706_496,
    "llama-3.1-405b": 405_853_388_800,
    "mistral-7b-v0.1": 7_241_732_096,
    "mixtral-8x7b-v0.1": 46_702_792_704,
    "qwen2.5-72b": 72_706_203_648,
    "qwen3-235b-a22b": 235_093_634_560,
    "gemma-3-27b-it": 27_432_406_640,
    "phi-4": 14_659_507_200,
    "deepseek-v3": 671_026_404_352,
    "gpt-oss-120b": 116_829_156_672,
    "gpt2": 124_439_808,
}
ACTIVE = {  # parameters that one token passes through, counted in the model classes of transformers 5.23
    "mixtral-8x22b-v0.1": 39_152_031_744,
    "qwen3-30b-a3b": 3_353_032_704,
    "qwen3-235b-a22b": 22_190_763_520,
    "deepseek-v2-lite": 2_661_150_208,
    "gpt-oss-20b": 4_187_440_704,
}


@pytest.mark.parametrize("name", list(model_presets()))
def test_the_layers_add_up(name):
    shape = load_model(name)  # raises when they do not
    assert shape.parameters() == model_presets()[name].parameters["all"]


@pytest.mark.parametrize(("name", "parameters"), PUBLISHED.items())
def test_published_counts(name, parameters):
    assert load_model(name).parameters() == parameters


@pytest.mark.parametrize(("name", "parameters"), ACTIVE.items())
def test_active_parameters(name, parameters):
    assert load_model(name).active_parameters() == parameters


def test_a_preset_that_does_not_add_up_is_refused_with_the_difference():
    preset = find_preset("llama-3.1-8b")
    shape = read_config(preset.config | {"intermediate_size": 14337}, "llama-3.1-8b.yaml")
    with pytest.raises(
        ValueError, match=r"8,030,654,464 parameters, but the file states 8,030,261,248 \(off by \+393,216\)"
    ):
        shape.with_stated_parameters(preset.parameters)


def test_a_hub_name_finds_its_preset():
    assert load_model("meta-llama/Llama-3.1-8B") is not None
    assert find_preset("Qwen/Qwen3-8B").id == "qwen3-8b"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "lama"}, "x › model_type: unknown model_type 'lama'; did you mean llama"),
        ({"hidden_size": "4k"}, "x › hidden_size: expected a whole number, got '4k'; state it as an integer"),
        ({"hidden_size": True}, "x › hidden_size: expected a whole number, got True; state it as an integer"),
        ({"hidden_size": 0}, "x › hidden_size: 0 is outside 1 to 2,147,483,647; check the file against its source"),
        ({"num_hidden_layers": 10**6}, "x › num_hidden_layers: 1000000 is outside 1 to 1,000; check the file"),
        ({"num_key_value_heads": 7}, "x › num_key_value_heads: 7 does not divide 32 query heads; check the file"),
        (
            {"num_global_layers": 3},
            "x › num_global_layers: 3 may change memory and is not understood for this model_type",
        ),
    ],
)
def test_errors_name_file_key_value_and_repair(change, message):
    config = find_preset("llama-3.1-8b").config | change
    with pytest.raises(InputError) as error:
        read_config(config, "x")
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("model_type", "key", "default"),
    [  # what a missing key means in transformers 5.23
        ("llama", "num_key_value_heads", "num_attention_heads"),
        ("mistral", "num_key_value_heads", 8),
        ("mistral", "sliding_window", 4096),
        ("mixtral", "num_local_experts", 8),
        ("qwen3", "head_dim", 128),
        ("gemma3_text", "sliding_window", 4096),
    ],
)
def test_a_missing_key_means_the_default_of_its_model_type(model_type, key, default):
    stated = {"model_type": model_type, "num_hidden_layers": 2, "hidden_size": 4096, "num_attention_heads": 32}
    written = stated | {key: 32 if default == "num_attention_heads" else default}
    without, with_key = read_config(stated, "x"), read_config(written, "x")
    assert [g.mixer for g in without.layers] == [g.mixer for g in with_key.layers]
    assert [g.mlp for g in without.layers] == [g.mlp for g in with_key.layers]
