"""Models that read images or hear beside text: their parameters with all towers, and what their wrappers refuse.

`measured/image_text_parameters.jsonl` has a config a line, and the parameters of the class that transformers 5.23.0 builds
from it on the meta device: the defaults of each class, and other widths, towers, language models and tied embeddings.
"""

import json
from pathlib import Path

import pytest

from memory_model.architectures import read_config
from memory_model.errors import InputError
from memory_model.estimate import breakdown
from memory_model.resolve import resolve
from memory_model.scenario import Scenario

LINES = (Path(__file__).parent / "measured" / "image_text_parameters.jsonl").read_text(encoding="utf-8").splitlines()
COUNTED = [json.loads(line) for line in LINES]
TEXT = {
    "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 3, "num_attention_heads": 8,
    "num_key_value_heads": 2, "vocab_size": 1000,
}  # fmt: skip
VISION = {
    "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 4, "num_attention_heads": 4, "image_size": 112,
    "patch_size": 14,
}  # fmt: skip


@pytest.mark.parametrize("model_type", sorted({line["config"]["model_type"] for line in COUNTED}))
def test_parameters_equal_those_of_the_class(model_type):
    lines = [line for line in COUNTED if line["config"]["model_type"] == model_type]
    counted = {line["name"]: read_config(line["config"], "x").parameters() for line in lines}
    assert counted == {line["name"]: line["parameters"] for line in lines}


def test_towers_are_no_part_of_the_language_model():
    config = {"model_type": "llava", "text_config": {"model_type": "llama", **TEXT}, "vision_config": VISION}
    text = read_config({"model_type": "llama", **TEXT, "tie_word_embeddings": False}, "x")
    shape = read_config(config, "x")
    assert shape.parts == ("text", "vision")
    assert shape.parameters("text") == text.parameters()
    assert shape.modeling == "llama"


def test_files_without_a_text_section_are_read_by_the_keys_beside_the_tower():
    vision = {"depth": 3, "hidden_size": 128, "num_heads": 4, "intermediate_size": 100, "out_hidden_size": 512}
    flat = read_config({"model_type": "qwen2_5_vl", **TEXT, "vision_config": vision}, "x")
    nested = read_config({"model_type": "qwen2_5_vl", "text_config": TEXT, "vision_config": vision}, "x")
    assert flat.parameters() == nested.parameters()
    assert flat.layers == nested.layers


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text_config": {**TEXT, "model_type": "mamba"}}, "x › text_config › model_type: 'mamba' is not understood"),
        ({"vision_config": {**VISION, "model_type": "vit"}}, "x › vision_config › model_type: 'vit' is not understood"),
        ({"vision_config": {**VISION, "window_size": 7}}, "x › vision_config › window_size: 7 may change memory"),
        ({"vision_config": {**VISION, "image_size": 7}}, "x › vision_config › image_size: is smaller than a patch"),
        ({"vision_feature_layer": "all"}, "x › vision_feature_layer: expected a whole number, got 'all'"),
        ({"text_config": None}, "x › text_config: missing; add the section from the model's own config.json"),
        ({"num_towers": 3}, "x › num_towers: 3 may change memory and is not understood for this model_type"),
    ],
)
def test_what_a_wrapper_does_not_know_is_refused(change, message):
    config = {"model_type": "llava", "text_config": {"model_type": "llama", **TEXT}, "vision_config": VISION}
    with pytest.raises(InputError) as error:
        read_config(config | change, "x")
    assert str(error.value).startswith(message)


def weights(config, engine):
    """Bytes of the weights that an engine holds."""
    return breakdown(resolve(Scenario("x", engine=engine), read_config(config, "x")))["weights"].bytes


@pytest.mark.parametrize("model_type", ["qwen2_5_omni", "qwen3_omni_moe"])
def test_what_speaks_is_held_by_transformers_alone(model_type):
    speaks = next(
        line["config"] for line in COUNTED if line["config"]["model_type"] == model_type and "speech" in line["name"]
    )
    shape, silent = read_config(speaks, "x"), speaks | {"enable_audio_output": False}
    assert shape.parts == ("text", "vision", "audio", "talker", "vocoder")
    stored = 4 if model_type == "qwen2_5_omni" else 2  # Qwen2.5's vocoder stays in float32
    sizes = (2, stored)
    spoken = sum(
        size * copies * tensor.values
        for tower, size in zip(shape.towers[2:], sizes, strict=True)
        for copies, tensor in tower.tensors
    )
    assert weights(speaks, "transformers") - weights(silent, "transformers") == spoken
    assert weights(speaks, "vllm") == weights(silent, "vllm")


def test_vllm_runs_llama_3_2_vision_no_more_and_sglang_does():
    config = next(line["config"] for line in COUNTED if line["config"]["model_type"] == "mllama")
    assert weights(config, "sglang") > 0
    with pytest.raises(InputError, match=r"^model: vLLM has no mllama any more; use transformers or sglang$"):
        weights(config, "vllm")


def test_what_an_image_adds_to_the_cache_of_cross_attention_is_said():
    kv_cache = breakdown(resolve(Scenario("llama-3.2-11b-vision-instruct")))["kv_cache"]
    measured = 13_115_392  # keys of one layer, of one image of 560 x 560, as transformers 5.23 cached them
    assert kv_cache.note.startswith(f"on text; each image adds {8 * 2 * measured:,} bytes in 8 layers")


NONSENSE = (None, True, -1, 10**30, "x", [[]], {})
FIRST = {line["config"]["model_type"]: line["config"] for line in COUNTED}


def places(config, prefix=()):
    """The paths of all keys, nested ones included."""
    for key, value in config.items():
        yield (*prefix, key)
        if isinstance(value, dict):
            yield from places(value, (*prefix, key))


@pytest.mark.parametrize("model_type", FIRST)
def test_nonsense_anywhere_is_a_shape_or_a_clear_error(model_type):
    for path in places(FIRST[model_type]):
        for value in NONSENSE:
            config = json.loads(json.dumps(FIRST[model_type]))
            section = config
            for key in path[:-1]:
                section = section[key]
            section[path[-1]] = value
            try:
                assert read_config(config, "x").parameters() > 0
            except InputError as error:
                assert str(error).startswith("x › "), error
