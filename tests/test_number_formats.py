"""Bytes of every weight format: against the formats' own definitions, published checkpoints and llama-quantize."""

import csv
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from memory_model import Scenario
from memory_model.architectures import read_config
from memory_model.gguf.mix import mixes
from memory_model.gguf.tensors import gguf_tensors
from memory_model.precision import stored
from memory_model.presets import load_config_file, load_model, number_formats
from memory_model.resolve import resolve, weight_scheme
from memory_model.weights import weights as stored_weights

MEASURED = Path(__file__).parent / "measured"
CONFIGS = {
    "gemma-3-12b": "gemma-3-12b",
    "state-spaces/mamba2-2.7b": "mamba2-2.7b",
    "meta-llama/Llama-4-Scout-17B-16E-Instruct": "llama-4-scout-17b-16e-instruct",
    "zai-org/GLM-4.5-Air": "glm-4.5-air",
}
"""Models without a preset, and their configs."""
ALIKE = {"meta-llama/Llama-3.2-1B": "llama-3.2-1b-instruct"}


def shape_of(model):
    if model in CONFIGS:
        return load_config_file(MEASURED / "configs" / f"{CONFIGS[model]}.json")
    return load_model(ALIKE.get(model, model))


def rows(name):
    return list(csv.DictReader((MEASURED / name).read_text(encoding="utf-8").splitlines()))


def published_bytes(shape, weights="published", parts="all"):
    formats, total = number_formats(), 0
    for count, tensor, name in stored(shape, weight_scheme(weights, shape), parts):
        for plane in formats[name].planes:
            bytes_ = 1
            for factor in plane.factors(tensor.rows, tensor.columns, name):
                bytes_ *= factor.value
            total += count * tensor.copies * bytes_
    return total


@pytest.mark.parametrize(
    ("name", "bits", "source"),
    [
        ("fp8-128x128", 8 + 32 / 128**2, "float32 per 128 x 128 values"),
        ("fp8-128x128-e8m0", 8 + 8 / 128**2, "a byte per 128 x 128 values"),
        ("int4-128", 4.15625, "AWQ: 16-bit scale and 4-bit zero per 128"),
        ("int4-128-symmetric", 4.125, "16-bit scale per 128"),
        ("int4-32-symmetric", 4.5, "16-bit scale per 32"),
        ("int8-128-indexed", 8.1875, "GPTQ int8: 16 + 8 bits per 128, without g_idx"),
        ("nf4-64", 4.5, "float32 absmax per 64"),
        ("nf4-64-double", 4.126953125, "arXiv:2305.14314 §3: 8 / 64 + 32 / (64 x 256)"),
        ("hqq-64", 4.5, "two 16-bit numbers per 64"),
        ("mlx-4-64", 4.5, "mlx_lm affine"),
        ("mlx-8-64", 8.5, "mlx_lm affine"),
        ("mxfp4", 4.25, "OCP MX: 8-bit scale per 32"),
        ("nvfp4", 4.5, "fp8 scale per 16"),
    ],
)
def test_bits_per_value(name, bits, source):
    large = sum(
        plane.bits / (min(plane.columns, 2**20) * min(plane.rows, 2**20))
        for plane in number_formats()[name].planes
        if not plane.per_tensor and plane.rows < 2**20
    )
    assert large == bits, source


@pytest.mark.parametrize("name", sorted({mix.base for mix in mixes().values()} - {"f32", "f16", "bf16"}))
def test_ggml_types_have_the_sizes_of_the_gguf_package(name):
    values, size = GGML_QUANT_SIZES[GGMLQuantizationType[name.upper()]]
    (plane,) = number_formats()[name].planes
    assert (plane.columns, plane.bits) == (values, 8 * size)


LINEAR, REST, ROWS, INPUTS = 6_979_321_856, 1_050_939_392, 1_376_256, 32 * (6 * 4096 + 14336)
"""Llama 3.1 8B: values in its 224 linear layers, all others, and the linear layers' output rows and input columns."""


@pytest.mark.parametrize(
    ("weights", "expected", "source"),
    [
        ("fp8-channel", LINEAR + 2 * ROWS + 2 * REST, "RedHatAI FP8-dynamic: 8,031,637,504 elements"),
        ("w8a8", LINEAR + 2 * ROWS + 2 * REST, "RedHatAI quantized.w8a8: 8,031,637,504 elements"),
        ("fp8-block", LINEAR + 4 * 425_984 + 2 * REST, "unsloth FP8-Block: 425,984 scales"),
        ("nvfp4", 3_489_660_928 + 436_207_616 + 2 * REST + 4 * 448, "RedHatAI NVFP4: element counts by type"),
        ("awq-int4", LINEAR * 133 // 256 + 2 * REST, "4.15625 bits"),
        ("gptq-int4", LINEAR * 133 // 256 + 4 * INPUTS + 2 * REST, "as AWQ, with g_idx"),
        ("w4a16", LINEAR * 33 // 64 + 16 * 224 + 2 * REST, "4.125 bits and two int64 a matrix"),
        ("nf4", LINEAR * 9 // 16 + 64 * 224 + 2 * REST, "4.5 bits and a table a matrix"),
        ("mlx-4bit", (8_030_261_248 - 266_240) * 9 // 16 + 2 * 266_240, "all but the norms in 4.5 bits"),
        ("mxfp4", LINEAR * 17 // 32 + 2 * REST, "4.25 bits"),
    ],
)
def test_bytes_of_llama_3_1_8b(weights, expected, source):
    assert stored_weights(resolve(Scenario(model="llama-3.1-8b", weights=weights))).bytes == expected, source


@pytest.mark.parametrize(
    ("config", "scales", "source"),
    [
        ("kimi-k2-instruct", 62_495_192, "scale elements of the published file"),
        ("minimax-m2.7", 13_880_064, "scale elements of MiniMax-M2.5, same shape"),
    ],
)
def test_block_scales_of_published_fp8(config, scales, source):
    shape = load_config_file(MEASURED / "configs" / f"{config}.json")
    fp8 = sum(n * t.values for n, t, name in stored(shape, weight_scheme("published", shape), "all") if "fp8" in name)
    others = sum(
        n * t.values for n, t, name in stored(shape, weight_scheme("published", shape), "all") if name == "bf16"
    )
    pinned = sum(
        n * t.values for n, t, name in stored(shape, weight_scheme("published", shape), "all") if name == "fp32"
    )
    assert published_bytes(shape) == fp8 + 2 * others + 4 * pinned + 4 * scales, source


@pytest.mark.parametrize("row", rows("llamacpp_weights.csv"), ids=lambda row: row["model"])
def test_tensors_of_a_file_are_those_that_llama_cpp_loads(row):
    tensors = gguf_tensors(shape_of(row["model"]), row["mix"])
    cpu = sum(padded(size_of(tensor), 32) for tensor in tensors)
    tied = not any(tensor.name == "output.weight" for tensor in tensors)
    device = sum(padded(size_of(tensor, 512), 128) for tensor in tensors if tied or tensor.name != "token_embd.weight")
    host = sum(padded(size_of(tensor), 32) for tensor in tensors if tensor.name == "token_embd.weight")
    # Falcon-H1's own files hold a norm over the state space's output, which the measured one was made without
    more = 44 * 4 * 3072 if "Falcon-H1" in row["model"] else 0
    expected = tuple(int(row[key]) for key in ("cpu_host", "gpu_device", "gpu_host"))
    assert (cpu - more, device - more, host) == expected


@pytest.mark.parametrize("row", rows("llamacpp_bits.csv"), ids=lambda row: row["mix"])
def test_bits_per_weight_of_every_mix(row):
    for model in list(row)[1:]:
        tensors = gguf_tensors(shape_of(model), row["mix"])
        values = sum(tensor.rows * tensor.columns * tensor.copies for tensor in tensors)
        bits = Decimal(f"{8 * sum(map(size_of, tensors)) / values:.5f}")
        twice_rounded = {str(bits.quantize(Decimal("0.0001"), ROUND_HALF_UP)), f"{float(bits):.4f}"}
        assert row[model] in twice_rounded, model


def size_of(tensor, row=0):
    """Bytes of a GGUF tensor; with `row`, those that a GPU allocates for quantised rows of other widths."""
    (plane,) = number_formats()[tensor.type].planes
    room = -tensor.columns % row if row and plane.columns > 1 else 0
    return (tensor.rows * tensor.copies * tensor.columns + room) // plane.columns * plane.bits // 8


def padded(size, alignment):
    return -(-size // alignment) * alignment


def test_rows_that_do_not_divide_fall_back():
    types = {t.name: t.type for t in gguf_tensors(load_model("qwen2.5-0.5b"), "q4_k_m")}
    assert types["token_embd.weight"] == "q8_0"  # 896 values a row: q6_k does not fit
    assert types["blk.0.attn_q.weight"] == "q5_0"
    assert types["blk.0.ffn_down.weight"] == "q6_k"  # 4,864 = 19 x 256
    assert {t.type for t in gguf_tensors(load_model("qwen2.5-0.5b"), "iq2_xxs") if "attn_q.w" in t.name} == {"iq4_nl"}
    odd = read_config(
        {"model_type": "llama", "hidden_size": 40, "intermediate_size": 80, "num_attention_heads": 4, "vocab_size": 64},
        "odd",
    )
    assert {t.type for t in gguf_tensors(odd, "q4_0") if t.rows > 1} == {"f16"}


def test_mlx_leaves_rows_of_a_broken_group_in_16_bits():
    """mlx_lm quantises matrices whose rows divide into groups of 64 values; 96 do not."""
    keys = {"model_type": "llama", "hidden_size": 128, "intermediate_size": 96, "num_attention_heads": 2}
    shape = read_config(keys | {"num_hidden_layers": 1, "vocab_size": 64, "torch_dtype": "bfloat16"}, "odd")
    found = {tensor.role: name for _, tensor, name in stored(shape, weight_scheme("mlx-4bit", shape), "all")}
    assert (found["down_proj"], found["up_proj"], found["q_proj"]) == ("bf16", "mlx-4-64", "mlx-4-64")


def test_latent_attention_is_cut_per_head():
    tensors = {t.name: t for t in gguf_tensors(load_model("deepseek-v2-lite"), "q4_k_m")}
    keys, values = tensors["blk.0.attn_k_b.weight"], tensors["blk.0.attn_v_b.weight"]
    assert (keys.copies, keys.rows, keys.columns, keys.type) == (16, 512, 128, "q5_0")
    assert (values.copies, values.rows, values.columns, values.type) == (16, 128, 512, "q4_k")
