"""A config.json that was made to hurt takes little time and memory; what real files hold is understood as before."""

import json
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_model import InputError, Scenario, load_model
from memory_model.architectures import read_config
from memory_model.estimate import breakdown
from memory_model.module_names import names_module
from memory_model.presets import LARGEST_CONFIG, model_presets, parse_config
from memory_model.resolve import resolve
from memory_model.tensors import Tensor

LLAMA = dict(load_model("llama-3.1-8b").config)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
FP8 = {"quant_method": "fp8"}
SLOW = [
    "re:(a+)+$", "re:" + "(?:.|.)?" * 40 + "!", "re:" + ".?" * 190 + "!", "re:" + "(.|.)" * 40 + "!", "re:" + ".*" * 6 + "!",
    "re:.*.*.*.*!", "re:(.*|.*)*!", "re:(", "re:[", "re:\\", "re:(?P<a>.)(?P=a)*(.)(.)!", "*" * 200, "a*b*c*d*e", "x" * 401,
    "re:.{1,9}{1,9}", "re:(?=.*a)(?=.*b)(?=.*c)",
]  # fmt: skip


def weights(config):
    """Bytes of the weights as published."""
    return breakdown(resolve(Scenario("x"), read_config(config, "x")))["weights"].bytes


@pytest.mark.parametrize("pattern", SLOW)
@pytest.mark.parametrize("place", ["ignore", "targets", "mlx", "modelopt"])
def test_expressions_that_may_take_for_ever_are_refused(pattern, place):
    section = {
        "ignore": FP8 | {"modules_to_not_convert": [pattern]},
        "targets": {"quant_method": "compressed-tensors", "config_groups": {"a": {
            "targets": [pattern], "weights": {"num_bits": 8, "type": "float", "strategy": "channel"}}}},
        "mlx": {"bits": 4, "group_size": 64, pattern: {"bits": 8, "group_size": 64}},
        "modelopt": {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": {
            pattern: {"quant_algo": "FP8"}}},
    }[place]  # fmt: skip
    begun = time.process_time()
    with pytest.raises(InputError, match="quantization_config"):
        weights(LLAMA | {"quantization_config": section})
    assert time.process_time() - begun < 2


def test_many_expressions_that_are_slow_together_are_refused():
    with pytest.raises(InputError, match="take too long"):
        weights(LLAMA | {"quantization_config": FP8 | {"modules_to_not_convert": ["re:.*a.*b.*"] * 100}})


@pytest.mark.parametrize(
    "modules",
    [
        [f"model.layers.{layer}.mlp.experts.{expert}" for layer in range(100) for expert in range(300)],
        [f"model.layers.{layer}.self_attn*" for layer in range(1000)],
        ["x"] * 100_000,
        ["." * 300, "", "model.", "..", "\ud800", "\x00"],
    ],
    ids=["names", "stars", "the same", "dots"],
)
def test_long_lists_of_modules_are_looked_up_soon(modules):
    begun = time.process_time()
    assert weights(LLAMA | {"quantization_config": FP8 | {"modules_to_not_convert": modules}}) > 0
    assert time.process_time() - begun < 15


@pytest.mark.parametrize(
    ("pattern", "layer", "named"),
    [
        ("model.layers.3.self_attn", 3, True), ("model.layers.3.self_attn", 4, False), ("layers.3", 3, True), ("layers.3", 33, False),
        ("self_attn.q_proj", 7, True), ("q_proj", 7, True), ("proj", 7, False), ("k_proj", 7, False), ("Linear", 7, True),
        ("model.layers.*.self_attn", 7, True), ("re:.*self_attn.*", 7, True), ("re:self_attn.*", 7, False), ("layers.7*", 77, True),
        ("language_model.model.layers.5", 5, True), ("", 5, False), ("model", 5, True), ("self_attn*", 5, True),
    ],
)  # fmt: skip
def test_a_pattern_names_a_module_of_a_layer(pattern, layer, named):
    assert names_module((pattern,), Tensor("q_proj", 8, 8, part="attention"), layer) == named


@pytest.mark.parametrize("factor", ["2", None, True, -5, 0.5, float("nan"), float("inf"), 1e300])
def test_a_factor_of_rotation_that_no_table_can_have_is_refused(factor):
    shape = read_config(LLAMA | {"rope_scaling": {"type": "linear", "factor": factor}}, "x")
    with pytest.raises(InputError, match=r"^x › rope_scaling › factor: expected a number from 1 to"):
        breakdown(resolve(Scenario("x", engine="vllm"), shape))


@pytest.mark.parametrize("stated", [None, "x", [1], {"rope_type": ["linear"]}])
def test_full_layers_may_say_nothing_of_rotation(stated):
    shape = read_config(LLAMA | {"rope_scaling": {"full_attention": stated}}, "x")
    assert breakdown(resolve(Scenario("x", engine="vllm"), shape)).bytes > 0


HOSTILE = {
    "as long as may be": {"x": "y" * (LARGEST_CONFIG - 2000)},
    "very many lists": {"x": [[]] * 200_000},
    "a hundred thousand keys": {f"num_{number}": 0 for number in range(100_000)},
    "many layers": {"num_hidden_layers": 1000},
    "many kinds": {"layer_types": ["full_attention"] * 100_000},
    "largest numbers": dict.fromkeys(("hidden_size", "intermediate_size", "vocab_size", "head_dim"), 2**31 - 1),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_config_of_megabytes_is_read_or_refused_soon_and_in_little_memory(name):
    text = json.dumps(LLAMA | HOSTILE[name])
    begun = time.process_time()
    tracemalloc.start()
    try:
        assert breakdown(resolve(Scenario("x"), parse_config(text, "x"))).bytes > 0
    except InputError as error:
        assert len(str(error)) < 1000
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 60 * len(text) + 2**24 and time.process_time() - begun < 20


@pytest.mark.parametrize("count", [1000, 40])
def test_layers_that_all_differ_are_refused_or_take_seconds(count):
    nas = next(preset.config for preset in model_presets().values() if preset.config["model_type"] == "nemotron-nas")
    block = next(block for block in nas["block_configs"] if block["ffn"].get("ffn_mult"))
    blocks = [json.loads(json.dumps(block)) for _ in range(count)]
    for number, each in enumerate(blocks):
        each["ffn"]["ffn_mult"] = 0.5 + number / 10
    begun = time.process_time()
    config = nas | {"num_hidden_layers": count, "block_configs": blocks}
    if count > 64:
        with pytest.raises(InputError, match=r"^x: 1000 kinds of layers are more than 64"):
            weights(config)
    else:
        assert weights(config) > 10**10
    assert time.process_time() - begun < 10


METHODS = (
    "fp8",
    "fbgemm_fp8",
    "mxfp4",
    "compressed-tensors",
    "modelopt",
    "modelopt_fp4",
    "bitsandbytes",
    "awq",
    "gptq",
    "hqq",
    None,
)
KEYS = (
    "bits", "w_bit", "group_size", "q_group_size", "ignore", "modules_to_not_convert", "exclude_modules", "config_groups", "quant_algo",
    "quantized_layers", "quantization", "weight_block_size", "activation_scheme", "fmt", "lm_head", "dynamic", "checkpoint_format",
    "load_in_8bit", "bnb_4bit_quant_type", "bnb_4bit_use_double_quant", "llm_int8_skip_modules", "quant_config", "skip_modules",
    "sparsity_config", "quantization_status", "mode", "kv_cache_scheme", "other",
)  # fmt: skip
GROUP = st.fixed_dictionaries(
    {},
    optional={
        "targets": st.lists(st.sampled_from(["Linear", "re:.*", "q_proj", "", "("]), max_size=2) | JSON,
        "weights": st.dictionaries(
            st.sampled_from(["num_bits", "type", "strategy", "group_size", "symmetric", "block_structure"]),
            st.sampled_from(
                [4, 8, 128, 32, -1, 2**70, "int", "float", "channel", "group", "tensor", True, None, [128, 128]]
            ),
        ),
        "input_activations": JSON,
    },
)
SECTION = st.builds(
    lambda method, keys: keys | ({"quant_method": method} if method else {}),
    st.sampled_from(METHODS),
    st.dictionaries(
        st.sampled_from(KEYS),
        st.sampled_from([4, 8, 64, 128, "NVFP4", "FP8", "MIXED_PRECISION", "affine", [128, 128], ["lm_head"], {}])
        | JSON
        | st.dictionaries(
            st.sampled_from(["group_0", "Linear", "weight_quant_params", "quant_algo"]), GROUP | JSON, max_size=2
        ),
        max_size=5,
    ),
)


@given(section=SECTION | JSON, nested=st.booleans())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_quantization_config_is_bytes_or_a_clear_error(section, nested):
    config = dict(load_model("gemma-3-4b-it").config) if nested else dict(LLAMA)
    if nested:
        config["text_config"] = dict(config["text_config"]) | {"quantization_config": section}
    else:
        config["quantization_config"] = section
    try:
        assert weights(config) > 0
    except InputError as error:
        assert str(error).startswith(("x › ", "weights: ")), error


@given(
    name=st.sampled_from(["gemma-3-4b-it", "gemma-3n-e2b-it", "gemma-4-e4b-it", "kimi-k2.5", "llama-4-scout-17b-16e-instruct"]),
    section=st.sampled_from(["vision_config", "audio_config", "text_config"]),
    change=st.dictionaries(st.text(max_size=8), JSON, max_size=2) | JSON,
    data=st.data(),
)  # fmt: skip
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_change_of_a_section_is_bytes_or_a_clear_error(name, section, change, data):
    config = dict(load_model(name).config)
    if isinstance(change, dict) and isinstance(config.get(section), dict) and config[section]:
        key = data.draw(st.sampled_from(sorted(config[section])))
        change = config[section] | {key: data.draw(JSON)} | change
    config[section] = change
    try:
        assert weights(config) > 0
    except InputError as error:
        assert str(error).startswith(("x › ", "x: ", "weights: ")), error
