"""What a `quantization_config` says of each matrix, for every method that is read, and what is refused of it."""

import pytest

from memory_model import InputError
from memory_model.architectures import read_config
from memory_model.precision import stored
from memory_model.resolve import weight_scheme


def llama(**quantization):
    keys = {"model_type": "llama", "num_hidden_layers": 2, "torch_dtype": "bfloat16"}
    return read_config(keys | {"quantization_config": quantization}, "config.json")


def formats_of(shape):
    return {tensor.role: name for _, tensor, name in stored(shape, weight_scheme("published", shape), "all")}


GROUP = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128, "symmetric": True}


@pytest.mark.parametrize(
    ("quantization", "format_name"),
    [
        ({"quant_method": "fp8", "activation_scheme": "static"}, "fp8-tensor"),
        ({"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]}, "fp8-128x128"),
        ({"quant_method": "fbgemm_fp8", "modules_to_not_convert": ["lm_head"]}, "fp8-rows-float32"),
        ({"quant_method": "awq", "bits": 4, "group_size": 64, "zero_point": True}, "int4-64"),
        ({"quant_method": "gptq", "bits": 8, "group_size": 128, "desc_act": True}, "int8-128-indexed"),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "int8-rows"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True}, "nf4-64-double"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head"]}, "nvfp4"),
        (
            {"quant_method": "modelopt", "quantization": {"quant_algo": "FP8", "exclude_modules": ["lm_head"]}},
            "fp8-tensor",
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"targets": ["Linear"], "weights": GROUP}},
                "ignore": ["lm_head"],
            },
            "int4-128-symmetric",
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {
                    "group_0": {
                        "targets": ["Linear"],
                        "weights": {"num_bits": 8, "type": "float", "strategy": "channel"},
                        "input_activations": {"dynamic": True},
                    }
                },
                "ignore": ["lm_head"],
            },
            "fp8-rows",
        ),
        ({"bits": 4, "group_size": 64}, "mlx-4-64"),
        ({"bits": 6, "group_size": 64}, "mlx-6-64"),
        ({"bits": 4, "group_size": 32, "mode": "mxfp4"}, "mxfp4"),
        ({"quant_method": "gptq", "bits": 4, "group_size": -1}, "int4-all-indexed"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128, "dynamic": {"-:.*mlp.gate.*": {}}}, "int4-128-indexed"),
        (
            {"quant_method": "auto-round", "bits": 4, "group_size": 64, "packing_format": "auto_round:auto_gptq"},
            "int4-64",
        ),
        ({"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "offline"}, "bf16-scaled"),
    ],
)
def test_every_method_is_read(quantization, format_name):
    found = formats_of(llama(**quantization))
    assert found["q_proj"] == format_name
    assert found["lm_head"] == (format_name if "quant_method" not in quantization else "bf16")
    assert found["norm"] == "bf16"


def test_mlx_states_the_same_in_two_sections():
    keys, stated = {"model_type": "llama", "num_hidden_layers": 2}, {"group_size": 64, "bits": 8, "lm_head": False}
    shape = read_config(keys | {"quantization": stated, "quantization_config": stated}, "config.json")
    assert formats_of(shape)["q_proj"] == "mlx-8-64"
    assert formats_of(shape)["lm_head"] == "bf16"


@pytest.mark.parametrize(
    "stated",
    [
        {"quant_method": "gptq", "dynamic": {"-:.*mlp.*": {}}},
        {"quant_method": "gptq", "modules_in_block_to_quantize": [[f"self_attn.{role}_proj" for role in "qkv"]]},
        {"quant_method": "auto-round", "extra_config": {"model.layers.*.mlp": {"bits": 16}}},
    ],
)
def test_modules_that_a_method_names_in_its_own_way_stay_unquantised(stated):
    found = formats_of(llama(bits=4, group_size=128, **stated))
    assert found["q_proj"].startswith("int4-128")
    assert found["up_proj"] == "bf16"


@pytest.mark.parametrize(
    "ignore",
    [
        ["lm_head", "re:.*self_attn.*"],
        ["lm_head", "model.layers.*.self_attn"],
        ["lm_head", "self_attn"],
        ["lm_head", "model.layers.0.self_attn", "model.layers.1.self_attn"],
        ["lm_head", *(f"model.layers.{i}.self_attn.{role}_proj" for i in (0, 1) for role in "qkvo")],
    ],
)
def test_ignored_modules_stay_unquantised(ignore):
    groups = {"group_0": {"targets": ["Linear"], "weights": GROUP}}
    found = formats_of(llama(quant_method="compressed-tensors", config_groups=groups, ignore=ignore))
    assert {found[f"{role}_proj"] for role in "qkvo"} == {"bf16"}
    assert found["lm_head"] == "bf16"
    assert found["down_proj"] == "int4-128-symmetric"


def test_a_head_that_no_list_names_is_quantised_and_layers_may_differ():
    groups = {"group_0": {"targets": ["Linear"], "weights": GROUP}}
    shape = llama(quant_method="compressed-tensors", config_groups=groups, ignore=["model.layers.1.mlp"])
    assert formats_of(shape)["lm_head"] == "int4-128-symmetric"
    counts = {
        (tensor.role, name): count
        for count, tensor, name in stored(shape, weight_scheme("published", shape), "all")
        if tensor.role == "up_proj"
    }
    assert counts == {("up_proj", "int4-128-symmetric"): 1, ("up_proj", "bf16"): 1}


@pytest.mark.parametrize(
    ("quantization", "message"),
    [
        (
            {"quant_method": "aqlm"},
            "config.json › quantization_config › quant_method: 'aqlm' is not understood; known: ",
        ),
        (
            {"quant_method": "gptq", "bits": 3, "group_size": 128},
            "config.json › quantization_config › bits: 3 is not understood; known: 4, 8",
        ),
        (
            {"quant_method": "gptq", "bits": 4, "modules_in_block_to_quantize": [["q_proj"], 1]},
            "config.json › quantization_config › modules_in_block_to_quantize: expected lists of names; check the file",
        ),
        (
            {"quant_method": "gptq", "bits": 4, "dynamic": {"+:.*mlp.*": {"bits": 8}}},
            "config.json › quantization_config › dynamic: '+:.*mlp.*' is not understood; only modules left out (-:) are",
        ),
        (
            {"quant_method": "awq", "bits": 4, "group_size": 48},
            "config.json › quantization_config › group_size: 48 is not understood; known: 128, 64, 32",
        ),
        (
            {"quant_method": "fp8", "weight_block_size": [1, 32]},
            "config.json › quantization_config › weight_block_size: [1, 32] is not understood; known: [128, 128]",
        ),
        (
            {"quant_method": "fp8", "weight_block_size": []},
            "config.json › quantization_config › weight_block_size: [] is not understood; known: [128, 128]",
        ),
        (
            {"quant_method": "bitsandbytes", "bnb_4bit_quant_type": "nf4"},
            "config.json › quantization_config › load_in_4bit: false, and so is load_in_8bit; one of the two must be true",
        ),
        (
            {"quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": True},
            "config.json › quantization_config › load_in_4bit: true, and so is load_in_8bit; one of the two must be true",
        ),
        (
            {"quant_method": "fp8", "modules_to_not_convert": ["re:(a+)+$"]},
            "config.json › quantization_config › modules_to_not_convert: 're:(a+)+$' is not understood; "
            "name the modules plainly",
        ),
        (
            {"quant_method": "modelopt", "quant_algo": "INT2"},
            "config.json › quantization_config › quant_algo: 'INT2' is not understood; known: NVFP4",
        ),
    ],
)
def test_what_is_not_understood_is_refused(quantization, message):
    with pytest.raises(InputError) as error:
        llama(**quantization)
    assert str(error.value).startswith(message)
