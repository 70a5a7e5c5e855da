"""transformers against what it was measured to hold: caches and peaks, byte for byte."""

from dataclasses import replace

import pytest

from memory_model.accuracy import measured_shape, table, transformers_deployment
from memory_model.architectures import FAMILIES
from memory_model.engines.transformers.modeling import CODE
from memory_model.estimate import breakdown
from memory_model.resolve import resolve
from memory_model.scenario import Scenario

ROWS = table("transformers.csv")


def held(row, phase):
    """KV cache and activations of a row, in bytes."""
    tokens = row["context_length"] if phase == "prefill" else row["decode_context_length"]
    memory = breakdown(transformers_deployment(row, phase, tokens))
    return memory["kv_cache"].bytes, memory["activations"].bytes


WORST = {("deepseek_v4", "prefill"): 0.001, ("deepseek_v4", "decode"): 0.002, ("recurrent_gemma", "decode"): 0.013}
"""Stated worst errors of cache and activations together; of all other families both are asserted equal.

DeepSeek V4: buffers of unfinished windows count as activations here, as cache where they were measured.
RecurrentGemma: a view of the convolution's state keeps one column more alive once it decodes.
"""


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


def test_every_family_with_a_row_is_measured_in_both_attentions():
    measured = {(measured_shape(row["config"]).modeling, row["attention"]) for row in ROWS}
    known = {family.model_type for family in FAMILIES}
    for modeling, code in CODE.items():
        if modeling in known:
            assert (modeling, "eager") in measured
            assert ((modeling, "sdpa") in measured) == code.sdpa


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
