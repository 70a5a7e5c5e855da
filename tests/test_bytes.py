"""Weights and KV cache against values that others published, and the factors that make them."""

from fractions import Fraction

import numpy as np
import pytest

from memory_model import Scenario, estimate
from memory_model.amount import Factor, Lever, Term
from memory_model.presets import number_formats

LINEAR = 6_979_321_856
"""Values in the 224 linear layers of Llama 3.1 8B."""


@pytest.mark.parametrize(
    ("model", "kv_cache", "bytes_per_token", "source"),
    [
        ("llama-3.1-8b", "bf16", 131_072, "2 x 32 layers x 8 KV heads x 128 x 2 bytes; vLLM logs 128 KiB"),
        ("llama-3.1-70b", "bf16", 327_680, "vLLM logs, 320 KiB"),
        ("llama-3.1-405b", "bf16", 516_096, "2 x 126 x 8 x 128 x 2"),
        (
            "llama-2-7b",
            "fp16",
            524_288,
            "PagedAttention paper arXiv:2309.06180 gives 800 KB for OPT-13B by the same rule",
        ),
        ("qwen2.5-7b-instruct", "bf16", 57_344, "2 x 28 x 4 x 128 x 2"),
        ("qwen3-0.6b", "bf16", 114_688, "2 x 28 x 8 x 128 x 2"),
        ("gpt2", "fp16", 36_864, "2 x 12 x 12 x 64 x 2"),
        ("deepseek-v3", "bf16", 70_272, "arXiv:2405.04434: 61 x (512 + 64) x 2; SGLang logs"),
        ("deepseek-v2-lite", "bf16", 31_104, "27 x 576 x 2; Kimi-VL log, same latent"),
        ("gpt-oss-20b", "bf16", 49_152, "vLLM log 49,156 at lengths below the window"),
        ("llama-3.1-8b", "fp8", 65_536, "half of 16 bits"),
        ("llama-3.1-8b", "q8_0", 69_632, "34 bytes per 32 values: llama.cpp"),
        ("llama-3.1-8b", "q4_0", 36_864, "18 bytes per 32 values: llama.cpp"),
        ("llama-3.1-8b", "fp32", 262_144, "twice 16 bits"),
        ("llama-3.1-8b", "q8_0:f16", 100_352, "keys in 34 / 32, values in 2 bytes"),
    ],
)
def test_kv_bytes_per_token(model, kv_cache, bytes_per_token, source):
    memory = estimate(Scenario(model=model, kv_cache=kv_cache, context_length=100, batch_size=3))
    assert memory["kv_cache"].bytes == 300 * bytes_per_token, source


@pytest.mark.parametrize(
    ("model", "weights", "expected", "source"),
    [
        ("llama-3.1-8b", "bf16", 16_060_522_496, "safetensors total_size"),
        ("llama-3.1-8b", "fp32", 32_121_044_992, "4 bytes a parameter"),
        ("qwen3-30b-a3b", "published", 61_064_245_248, "safetensors total_size"),
        ("mixtral-8x7b-v0.1", "published", 93_405_585_408, "safetensors total_size"),
        ("gpt-oss-20b", "published", 13_761_264_768, "safetensors total_size, MXFP4 experts"),
        ("gpt2", "published", 497_759_232, "float32, without the mask buffers of the file"),
        (
            "llama-3.1-8b",
            "fp8",
            LINEAR + 224 * 8 + 2 * (8_030_261_248 - LINEAR),
            "RedHatAI FP8: two float32 scalars a matrix",
        ),
        (
            "llama-3.1-8b",
            "int8",
            LINEAR + 4 * 1_376_256 + 2 * (8_030_261_248 - LINEAR),
            "a float32 for each of 1,376,256 rows",
        ),
        ("llama-3.1-8b", "q8_0", 8_532_934_912, "llama.cpp prints 8137.64 MiB, with 256 bytes of rope factors"),
        (
            "llama-3.1-8b",
            "q4_k_m",
            4_912_898_304,
            "llama-quantize writes 4,912,898,304, with 256 bytes of rope factors",
        ),
    ],
)
def test_weight_bytes(model, weights, expected, source):
    got = estimate(Scenario(model=model, weights=weights))["weights"].bytes
    assert got == expected, source


def test_what_a_format_leaves_unquantised_stays_so():
    bf16 = estimate(Scenario(model="qwen3-30b-a3b", weights="bf16"))["weights"]
    awq = estimate(Scenario(model="qwen3-30b-a3b", weights="awq-int4"))["weights"]
    for part in ("embedding", "head", "norms", "router"):
        assert part_bytes(awq, part) == part_bytes(bf16, part) > 0
    assert part_bytes(awq, "experts") == pytest.approx(part_bytes(bf16, "experts") * 4.15625 / 16, rel=1e-9)


def part_bytes(component, part):
    return sum(term.bytes for term in component.terms if term.part == part)


def test_tied_embeddings_are_stored_once():
    memory = estimate(Scenario(model="llama-3.2-1b-instruct"))
    assert memory["weights"].bytes == 2 * 1_235_814_400
    assert not any(term.label == "lm_head" for term in memory["weights"].terms)


def test_the_towers_of_a_model_can_be_left_out():
    both, text = (estimate(Scenario(model="gemma-3-4b-it", parts=parts))["weights"].bytes for parts in ("all", "text"))
    assert both - text == 2 * 419_816_304


def test_the_formula_is_made_of_the_factors_that_were_multiplied():
    term = estimate(Scenario(model="llama-3.1-8b"))["kv_cache"].terms[0]
    assert term.formula() == (
        "sequences × tokens × layers × KV heads × head size × bytes per value\n"
        "= 1 × 8,192 × 32 × 8 × 128 × 2\n"
        "= 536,870,912 bytes"
    )
    assert {factor.lever for factor in term.factors} == {Lever.WORKLOAD, Lever.MODEL, Lever.PRECISION}


def test_every_factor_of_every_term_says_who_decides_it_and_every_number_is_whole():
    memory = estimate(Scenario(model="deepseek-r1", device="h200-sxm", batch_size=4))
    for component in memory:
        assert isinstance(component.bytes, int)
        for term in component.terms:
            assert term.bytes == Term(term.label, term.factors).bytes
            assert all(isinstance(factor.lever, Lever) and factor.name for factor in term.factors)


def test_part_of_a_byte_takes_a_whole_one():
    half = Factor("bytes per value", Fraction(1, 2), Lever.PRECISION)
    for values, whole in ((3, 2), (4, 2), (5, 3)):
        assert Term("int4", (Factor("values", values, Lever.MODEL), half)).bytes == whole


def test_a_row_that_does_not_fill_its_last_block_takes_the_whole_block():
    """40 values a token in blocks of 32, of 34 bytes each (q8_0)."""
    row = number_formats()["q8_0"].row_factors(Factor("heads", 1, Lever.MODEL), Factor("size", 40, Lever.MODEL))
    assert Term("keys", row).bytes == 2 * 34


def test_a_term_over_a_grid_multiplies_elementwise():
    tokens = np.array([[1.0], [2.0]])
    term = Term("x", (Factor("tokens", tokens, Lever.WORKLOAD), Factor("bytes", 3, Lever.FIXED)))
    assert term.bytes.tolist() == [[3.0], [6.0]]
