"""transformers against what it was measured to hold: caches and peaks, byte for byte."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from memory_model.accuracy.measured import table
from memory_model.accuracy.transformers import measured_shape, transformers_deployment, transformers_mode
from memory_model.architectures import FAMILIES
from memory_model.engines.transformers.modeling import modeling_codes
from memory_model.engines.transformers.modeling_code import ModelingCode
from memory_model.errors import InputError
from memory_model.estimate import breakdown, over_grid
from memory_model.files.preset_files import build
from memory_model.presets import parse_config
from memory_model.resolve import resolve
from memory_model.scenario import Scenario

ROWS = table("transformers.csv")
TABLES = Path(__file__).parent / "measured"


def held(row, phase):
    """KV cache and activations of a row, in bytes."""
    tokens = row["context_length"] if phase == "prefill" else row["decode_context_length"]
    memory = breakdown(transformers_deployment(row, phase, tokens))
    return memory["kv_cache"].bytes, memory["activations"].bytes


WORST = {
    ("deepseek_v4", "prefill"): 0.001,
    ("deepseek_v4", "decode"): 0.002,
    ("granite_speech", "prefill"): 0.0002,
    ("granite_speech", "decode"): 0.0001,
    ("muse_glimmer", "prefill"): 0.0001,
    ("muse_glimmer", "decode"): 0.00001,
    ("jetmoe", "prefill"): 0.06,
    ("openai-gpt", "prefill"): 0.06,
    ("qwen4_exp_text", "prefill"): 0.045,
    ("qwen4_exp_text", "decode"): 0.008,
    ("xlstm", "prefill"): 2e-6,
    ("xlstm", "decode"): 2e-6,
}
"""Stated worst errors of cache and activations together; of all other families both are asserted equal.

DeepSeek V4: buffers of unfinished windows count as activations here, as cache where they were measured. xLSTM: a counter
of 8 bytes. Of the others the cache is asserted equal too.
"""
UNEQUAL_CACHE = ("deepseek_v4", "xlstm")


@pytest.mark.parametrize("config", sorted({row["config"] for row in ROWS}))
@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_cache_and_peak_equal_what_was_measured(config, phase):
    rows = [row for row in ROWS if row["config"] == config and row[f"{phase}_activations"]]
    stated = WORST.get((measured_shape(config).model_type, phase))
    for row in rows:
        measured = (int(row[f"{phase}_cache"]), int(row[f"{phase}_activations"]))
        if stated is None:
            assert held(row, phase) == measured, row
        else:
            assert sum(held(row, phase)) == pytest.approx(sum(measured), rel=stated), row
            assert held(row, phase)[0] == measured[0] or measured_shape(config).model_type in UNEQUAL_CACHE, row


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"norm": "laet"}, "a.yaml › x › norm: unknown value 'laet'; did you mean late"),
        ({"nrm": "late"}, "a.yaml › x: unknown key 'nrm'; did you mean norm?"),
        ({"sdpa": "no"}, "a.yaml › x › sdpa: expected bool, got 'no'"),
    ],
)
def test_a_row_that_is_not_right_is_refused(row, words):
    with pytest.raises(InputError, match=re.escape(words)):
        build(ModelingCode, row, "a.yaml › x")


def test_every_family_with_a_row_is_measured_in_both_attentions():
    measured = {(measured_shape(row["config"]).modeling, row["attention"]) for row in ROWS}
    known = {family.model_type for family in FAMILIES}
    for modeling, code in modeling_codes().items():
        if modeling in known:
            assert (modeling, "eager") in measured
            assert ((modeling, "sdpa") in measured) == code.sdpa


@pytest.mark.parametrize(
    ("config", "expected"),
    [  # what the classes of transformers 5.23 make with register_buffer, apart from frequencies of the rotation
        ("starcoder-3-layers", 8192 * 8192),
        ("gpt-j-6b-3-layers", 3 * 2048 * 64 * 4),
        ("codegen-350m-3-layers", 3 * 2048 * 32 * 4),
        ("gpt-neo-125m-4-layers", 4 * 2048 * 2048),
        ("xglm-564m-3-layers", 2050 * 1024 * 2),
        ("olmo-7b-3-layers", 0),
    ],
)
def test_masks_and_tables_that_a_class_keeps_of_all_positions(config, expected):
    assert breakdown(resolve(Scenario("x"), measured_shape(config)))["overhead"].bytes == expected


def test_a_head_with_a_bias_adds_it_to_the_logits_of_several_prompts_in_a_second_step():
    def activations(tokens, sequences):
        keys = {"phase": "prefill", "context_length": tokens, "batch_size": sequences, "attention": "eager"}
        return breakdown(resolve(Scenario("x", **keys), measured_shape("phi-1-3-layers")))["activations"]

    logits = 51200 * 2
    assert activations(2, 70).bytes == 14_909_440
    assert activations(2, 70).busiest.name == "logits"
    assert activations(1, 70).bytes < activations(2, 70).bytes - 70 * logits // 4


@pytest.mark.parametrize(
    ("model", "bytes_per_token"),
    [  # rules of thumb for long prompts: sdpa, bf16, one sequence, logits of the last token
        ("llama-3.1-8b", 119_296),
        ("llama-3.1-70b", 238_080),
        ("qwen2.5-7b-instruct", 142_848),
        ("qwen3-8b", 107_008),
    ],
)
def test_prefill_grows_by_so_many_bytes_a_token(model, bytes_per_token):
    def activations(tokens):
        scenario = Scenario(model=model, phase="prefill", context_length=tokens)
        return breakdown(resolve(scenario))["activations"].bytes

    assert activations(16384) - activations(8192) == 8192 * bytes_per_token


@pytest.mark.parametrize(
    ("config", "attention", "tokens", "batch", "prefill", "decode"),
    [
        ("mistral-7b-v0.1-3-layers", "sdpa", 1000, 3, 357_888_024, 12_412_440),
        ("olmo2-7b-3-layers", "eager", 4000, 3, 15_763_200_000, 98_478_540),
        ("hunyuan-7b-3-layers", "sdpa", 100, 2, 23_859_200, 529_052),
        ("pythia-6.9b-3-layers", "eager", 100, 2, 21_006_400, 1_786_520),
        ("bamba-9b-10-layers", "sdpa", 100, 3, 677_318_144, 50_693_120),
        ("phi-3-mini-4k-3-layers", "sdpa", 1000, 2, 180_608_000, 12_398_976),
        ("stablelm-2-qknorm-3-layers", "sdpa", 4000, 3, 701_952_000, 12_369_792),
    ],
)
def test_a_stated_share_of_each_head_counts_where_the_class_reads_it(config, attention, tokens, batch, prefill, decode):
    """Measured with `partial_rotary_factor: 0.5`, which Mistral, OLMo 2 and Hunyuan ignore, as Pythia and Bamba have their own."""
    config = json.loads((TABLES / "configs" / f"{config}.json").read_text())
    rope = config.get("rope_parameters")
    config |= {"partial_rotary_factor": 0.5} | (
        {"rope_parameters": rope | {"partial_rotary_factor": 0.5}} if rope else {}
    )
    shape = parse_config(json.dumps(config), "config")
    for phase, held_tokens, activations in (("prefill", tokens, prefill), ("decode", tokens + 2, decode)):
        asked = Scenario(
            model="m", attention=attention, phase=phase, logits="last", context_length=held_tokens, batch_size=batch
        )
        assert breakdown(resolve(asked, shape))["activations"].bytes == activations


def test_the_cache_of_a_window_shrinks_to_the_window_once_decoding_is_steady():
    scenario = Scenario(model="mistral-7b-v0.1", context_length=32768)
    per_token = 2 * 32 * 8 * 128 * 2
    prefill, decode = (
        breakdown(resolve(replace(scenario, phase=phase)))["kv_cache"].bytes for phase in ("prefill", "decode")
    )
    assert prefill == 32768 * per_token  # a view of the last tokens keeps the whole prompt alive
    assert decode == 4096 * per_token


def test_sdpa_is_refused_where_the_class_has_none():
    with pytest.raises(ValueError, match=r"^attention: gemma2 has no sdpa in transformers 5.23.0; use eager$"):
        resolve(Scenario(model="gemma-2-9b", attention="sdpa"))
    assert resolve(Scenario(model="gemma-2-9b")).attention == "eager"


@pytest.mark.parametrize(
    "row", table("transformers_held_out.csv"), ids=lambda row: f"{row['model']}-{row['attention']}"
)
def test_whole_models_that_were_not_used_to_find_the_rules(row):
    keys = {"model": row["model"], "weights": "bf16", "attention": row["attention"], "parts": "text"}
    for phase, more in (("prefill", 0), ("decode", 2)):
        tokens = int(row["context_length"]) + more
        scenario = Scenario(**keys, phase=phase, context_length=tokens, batch_size=int(row["batch_size"]))
        memory = breakdown(resolve(scenario))
        assert memory["kv_cache"].bytes == int(row[f"{phase}_cache"])
        assert memory["activations"].bytes == int(row[f"{phase}_activations"])


MODES = table("transformers_modes.csv")


@pytest.mark.parametrize("config", sorted({row["config"] for row in MODES}))
def test_other_caches_chunks_and_float32_equal_what_was_measured(config):
    for row in MODES:
        if row["config"] != config or (config.startswith("falcon-7b") and row["weights"] == "fp32"):
            continue  # stated as assumed, and by how much `python -m memory_model accuracy` says
        memory = breakdown(transformers_mode(row))
        if config.startswith("falcon-7b") and row["kv_cache"] == "int2":  # 1,802 groups of 64 fill 450.5 rows of bytes
            assert memory["kv_cache"].bytes == pytest.approx(int(row["cache"]), rel=0.001)
            continue
        assert memory["kv_cache"].bytes == int(row["cache"]), row
        assert memory["activations"].bytes == int(row["activations"]), row


def total(**keys):
    """Bytes of a scenario."""
    return breakdown(resolve(Scenario(**keys))).bytes


def test_without_a_cache_a_token_costs_what_the_whole_context_costs():
    keys = {"model": "llama-3.1-8b", "context_length": 4096, "use_cache": False}
    memory = breakdown(resolve(Scenario(**keys, phase="decode")))
    assert memory["kv_cache"].bytes == 0
    assert total(**keys, phase="decode") == total(**keys, phase="prefill")


def test_chunks_make_a_long_prompt_cheaper_and_chunks_as_long_as_it_change_nothing():
    keys = {"model": "llama-3.1-8b", "context_length": 32768, "phase": "prefill"}
    assert total(**keys, step_tokens=1024) < total(**keys, step_tokens=8192) < total(**keys)
    assert total(**keys, step_tokens=32768) == total(**keys)


def test_a_static_cache_holds_the_window_only_and_needs_no_copies_until_it_is_full():
    keys = {"model": "mistral-7b-v0.1", "cache_implementation": "static"}
    per_token = 2 * 32 * 8 * 128 * 2
    held = breakdown(resolve(Scenario(**keys, context_length=32768, phase="prefill")))["kv_cache"].bytes
    assert held == 4096 * per_token


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"use_cache": False, "step_tokens": 64}, "step_tokens: a prefill in chunks needs a cache"),
        ({"use_cache": False, "cache_implementation": "static"}, "cache_implementation: static needs a cache"),
        ({"cache_implementation": "static", "step_tokens": 64}, "step_tokens: chunks into a static cache"),
        ({"cache_implementation": "quantized"}, "kv_cache: a quantized cache stores fp8, int4, int2, not bf16"),
        ({"kv_cache": "int4"}, "kv_cache: int4 and int2 are formats of a quantized cache"),
        (
            {"weights": "fp32", "cache_implementation": "quantized", "kv_cache": "int4"},
            "kv_cache: with fp32 weights quanto keeps scales in float32, and int4 here has 16 bits",
        ),
        (
            {"model": "gemma-3-1b-it", "cache_implementation": "quantized", "kv_cache": "fp8"},
            "cache_implementation: QuantizedCache takes models with full attention in every layer",
        ),
        ({"engine": "vllm", "phase": "first_decode"}, "phase: vLLM has no first_decode"),
    ],
)
def test_what_generate_refuses_is_refused(keys, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        resolve(Scenario(**{"model": "llama-3.1-8b", **keys}))


@pytest.mark.parametrize(
    "keys",
    [
        {"use_cache": False, "phase": "decode"},
        {"step_tokens": 300, "phase": "prefill"},
        {"step_tokens": 300, "phase": "first_decode"},
        {"phase": "first_decode"},
        {"cache_implementation": "static", "phase": "prefill"},
        {"cache_implementation": "static", "phase": "decode"},
    ],
)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("model", ["gemma-3-1b-it", "llama-3.1-8b", "deepseek-v2-lite"])
def test_a_grid_of_every_mode_equals_its_points(model, attention, keys):
    scenario = Scenario(model=model, attention=attention, **keys)
    contexts, batches = (100, 300, 301, 512, 1000, 1200), (1, 3)
    grid = over_grid(resolve(scenario), contexts, batches).bytes
    for i, context in enumerate(contexts):
        for j, batch in enumerate(batches):
            assert grid[i, j] == total(**{**asdict(scenario), "context_length": context, "batch_size": batch})


@pytest.mark.parametrize("model", ["mimo-v2-flash", "gpt-oss-20b"])
def test_the_peak_counts_the_first_token_after_the_prompt_where_experts_are_copied_beside_windows(model):
    keys = {"model": model, "weights": "bf16", "context_length": 600, "batch_size": 256, "step_tokens": 128}
    prefill, decode, first = (total(**keys, phase=phase) for phase in ("prefill", "decode", "first_decode"))
    assert total(**keys) == first > max(prefill, decode)
    assert over_grid(resolve(Scenario(**keys)), (600,), (256,)).bytes[0, 0] == first


@pytest.mark.parametrize(
    "row",
    table("transformers_modes_held_out.csv"),
    ids=lambda row: f"{row['model']}-{row['attention']}-{row['phase']}-{row['context_length']}",
)
def test_other_modes_of_whole_models_that_were_not_used_to_find_the_rules(row):
    keys = {key: value for key, value in row.items() if value and key not in ("cache", "activations")}
    memory = breakdown(resolve(Scenario.from_mapping({**keys, "parts": "text"})))
    assert memory["kv_cache"].bytes == int(row["cache"])
    assert memory["activations"].bytes == int(row["activations"])
