"""A training step against steps of real modeling code and real optimizers, and the laws that hold for any model."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dashboard.theme import BACKGROUND, TRAINING_STACK
from memory_model import Evidence, InputError, Training, training_memory
from memory_model.accuracy.training import training_step_memory
from memory_model.amount import Factor, Lever
from memory_model.training import COMPONENTS
from memory_model.training.breakdown import MEASURED, batch_of, step_moments, training_deployment
from memory_model.training.optimizers import Optimizer
from memory_model.training.parameters import Parameter
from memory_model.training.result import training_result
from memory_model.training.step import training_step

TABLES = Path(__file__).parent / "measured"


def table(name):
    with open(TABLES / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ROWS = table("training.csv")


def predicted(row):
    """Most bytes above the weights in a forward and backward pass, and the gradients after it."""
    memory = training_step_memory(row)
    return memory["activations"].bytes + memory["gradients"].bytes, memory["gradients"].bytes


@pytest.mark.parametrize("family", sorted({row["family"] for row in ROWS}))
def test_the_peak_of_a_step_is_what_was_measured(family):
    rows = [row for row in ROWS if row["family"] == family]
    errors = []
    for row in rows:
        peak, gradients = predicted(row)
        assert gradients == int(row["gradients"]), row
        errors.append(abs(peak / int(row["peak"]) - 1))
    assert np.median(errors) < 0.0005
    assert max(errors) < (0.075 if any(row["method"] == "qlora" for row in rows) else 0.01)


def test_nineteen_of_twenty_steps_are_within_half_a_percent():
    for rows in (ROWS, [row for row in ROWS if row["held_out"] == "1"]):
        errors = [abs(predicted(row)[0] / int(row["peak"]) - 1) for row in rows]
        assert np.percentile(errors, 95) < 0.0005


def test_every_family_that_counts_as_measured_is_in_the_table():
    assert {json.loads(row["config"])["model_type"] for row in ROWS} == set(MEASURED)


SHAPES = ((1000, 64, 1), (64, 300, 1), (64, 64, 1), (512, 1, 1), (64, 1, 1), (64, 96, 4))
"""Rows, columns and copies of the parameters of training_optimizers.csv, in their order."""


@pytest.mark.parametrize(
    "row", table("training_optimizers.csv"), ids=lambda row: f"{row['optimizer']}-{row['precision']}"
)
def test_optimizers_hold_what_the_real_ones_hold(row):
    size = Factor("bytes per value", 4 if row["precision"] == "fp32" else 2, Lever.PRECISION)
    parameters = tuple(Parameter("weight", 1, rows, columns, copies, size) for rows, columns, copies in SHAPES)
    optimizer = Optimizer(row["optimizer"], parameters, row["precision"] == "mixed")
    assert sum(term.bytes for term in optimizer.states()) == int(row["states"])
    rounding = 0.006 if row["optimizer"] == "adafactor" else 0  # means of single rows, not counted
    assert optimizer.stepping().bytes == pytest.approx(int(row["step"]), rel=rounding, abs=0)


SMALL = "llama-3.2-1b-instruct"
QUESTIONS = [
    Training(model=SMALL, method=method, optimizer=optimizer, gradient_checkpointing=checkpointing, attention=attention)
    for method, optimizer in (
        ("full", "adamw"),
        ("full", "adamw-8bit"),
        ("lora", "sgd-momentum"),
        ("qlora", "adafactor"),
    )
    for checkpointing in (False, True)
    for attention in ("sdpa", "eager")
]


@pytest.mark.parametrize(
    "training", QUESTIONS, ids=lambda t: f"{t.method}-{t.optimizer}-{t.gradient_checkpointing}-{t.attention}"
)
def test_bytes_never_fall_with_tokens_or_sequences_and_parts_add_up(training):
    for key, values in (("context_length", (1, 64, 500, 2048)), ("batch_size", (1, 2, 5))):
        totals = [training_memory(replace(training, **{key: value})).bytes for value in values]
        assert totals == sorted(totals)
    memory = training_memory(training)
    assert tuple(part.name for part in memory) == COMPONENTS
    assert memory.bytes == sum(memory[name].bytes for name in COMPONENTS)
    assert all(part.bytes == sum(term.bytes for term in part.terms) for part in memory if part.moments[0].terms)


@pytest.mark.parametrize(
    "model",
    [
        SMALL,
        "qwen3-0.6b",
        "gemma-3-1b-it",
        "mistral-7b-v0.1",
        "gpt2",
        "mixtral-8x7b-v0.1",
        "qwen3.5-2b",
        "falcon-h1-3b-base",
    ],
)
@pytest.mark.parametrize("method", ["full", "lora"])
def test_checkpointing_never_needs_more(model, method):
    kept = Training(model=model, method=method, optimizer="sgd", context_length=1024, lora_targets=("o_proj",))
    again = replace(kept, gradient_checkpointing=True)
    backward = [step_moments(one)[0].bytes for one in (kept, again)]
    assert backward[1] <= backward[0]


def test_the_optimizer_step_has_a_part_of_its_own_that_no_token_changes():
    """AdamW in mixed precision computes on float32 gradients and roots of all parameters at once: 4 + 4 bytes each."""
    short, long = (training_memory(Training(model=SMALL, context_length=tokens)) for tokens in (64, 1024))
    assert short["optimizer_step"].bytes == long["optimizer_step"].bytes == 8 * 1_235_814_400
    assert (short["activations"].bytes, short.bytes) == (0, long.bytes)
    fused = training_memory(Training(model=SMALL, optimizer="adamw-fused", precision="bf16"))
    assert fused["optimizer_step"].bytes == 0 < fused["activations"].bytes


@pytest.mark.parametrize(("optimizer", "moment"), [("adamw", "optimizer step"), ("adamw-fused", "backward pass")])
def test_the_result_names_the_moment_that_decides_and_what_both_need(optimizer, moment):
    found = training_result(Training(model=SMALL, optimizer=optimizer, precision="bf16", context_length=512))
    assert (found["moment"], found["moments"][moment]) == (moment, found["total"])
    assert max(found["moments"].values()) == found["total"]
    freed = {"optimizer step": "activations", "backward pass": "optimizer_step"}[moment]
    assert found["components"][freed] == 0


def test_adapters_alone_have_gradients_and_states():
    full = training_memory(Training(model=SMALL))
    lora = training_memory(Training(model=SMALL, method="lora", lora_rank=8, lora_targets=("q_proj", "v_proj")))
    adapters = 16 * (8 * (2048 + 2048) + 8 * (2048 + 512))  # layers x rank x (in + out), of q_proj and v_proj
    assert lora["gradients"].bytes == 4 * adapters
    assert lora["optimizer"].bytes == 2 * 4 * adapters
    assert lora["weights"].bytes == full["weights"].bytes + 4 * adapters


def test_qlora_holds_fewer_weights_than_lora():
    lora, qlora = (training_memory(Training(model=SMALL, method=method)) for method in ("lora", "qlora"))
    assert qlora["weights"].bytes < lora["weights"].bytes
    assert qlora["gradients"].bytes == lora["gradients"].bytes


@pytest.mark.parametrize(
    ("precision", "bytes_per_parameter"),
    [("bf16", 2 + 2 + 4), ("mixed", 2 + 2 + 12), ("fp32", 4 + 4 + 8)],  # arXiv:1910.02054 §3.1: 16 for mixed precision
)
def test_bytes_of_a_parameter_under_adamw(precision, bytes_per_parameter):
    memory = training_memory(Training(model=SMALL, precision=precision))
    held = sum(memory[name].bytes for name in ("weights", "gradients", "optimizer"))
    assert held == bytes_per_parameter * 1_235_814_400


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"model": "mamba-2.8b"}, "model: what a training step of mamba keeps is not known"),
        ({"model": "deepseek-v3.2"}, "model: what a training step of deepseek_v32 keeps is not known"),
        ({"model": SMALL, "method": "loro"}, "method: unknown value 'loro'; did you mean lora or qlora?"),
        ({"model": SMALL, "method": "lora", "lora_targets": "q_prj"}, "lora_targets: unknown matrix 'q_prj'"),
        ({"model": SMALL, "lora_rank": 0}, "lora_rank: 0 is outside 1 to 16,384"),
        ({"model": SMALL, "batch": 2}, "unknown training key 'batch'; did you mean batch_size?"),
        ({"model": SMALL, "method": "qlora", "precision": "fp32"}, "precision: qlora computes in 16 bits"),
    ],
)
def test_what_is_not_understood_is_refused(keys, message):
    with pytest.raises(InputError) as caught:
        training_memory(Training.from_mapping(keys))
    assert str(caught.value).startswith(message)


def test_a_family_that_was_not_measured_says_so():
    assert training_memory(Training(model="llama-3.2-1b-instruct"))["activations"].evidence is Evidence.MEASURED
    found = training_memory(Training(model="opt-6.7b", gradient_checkpointing=True))["activations"]
    assert found.evidence is Evidence.ASSUMED
    assert "the training step of opt was not measured" in found.note
    beside = training_memory(Training(model="internlm2_5-7b-chat"))["activations"]
    assert beside.evidence is Evidence.ASSUMED and "internlm2 is treated like llama" in beside.note


def test_a_path_that_a_kernel_would_replace_is_named():
    found = training_memory(Training(model="lfm2-1.2b"))["activations"]
    assert found.evidence is Evidence.MEASURED
    assert "where causal_conv1d is not installed" in found.note


def test_the_command_prints_the_result_as_json():
    command = [sys.executable, "-m", "memory_model", "train", SMALL, "--method", "lora", "--gradient-checkpointing"]
    run = subprocess.run([*command, "--device", "rtx-4090", "--json"], capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    asked = Training(model=SMALL, method="lora", gradient_checkpointing=True, device="rtx-4090")
    assert found == json.loads(json.dumps(training_result(asked)))
    assert found["total"] == sum(found["components"].values())
    assert found["device"]["fits"] and found["device"]["headroom"] == found["device"]["usable_bytes"] - found["total"]


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_part_of_a_training_step_has_a_colour_that_stands_out(theme):
    assert tuple(part.name for part in TRAINING_STACK) == COMPONENTS
    for part in TRAINING_STACK:
        low, high = sorted((luminance(getattr(part, theme)), luminance(BACKGROUND[theme])))
        assert (high + 0.05) / (low + 0.05) >= 3


@pytest.mark.parametrize(
    "model",
    [
        SMALL, "gpt2", "qwen3-0.6b", "gemma-2-9b", "gpt-neox-20b", "mixtral-8x7b-v0.1", "phi-4", "gpt-oss-20b",
        "deepseek-v2-lite", "ernie-4.5-21b-a3b-pt", "glm-4.5-air", "c4ai-command-r-v01", "apertus-8b-instruct-2509", "lfm2-350m", "gemma-4-31b-it", "gemma-4-e4b-it",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_backward_pass_computes_every_gradient_once(model, method):
    training = Training(model=model, method=method, context_length=16, lora_targets=("o_proj",))
    deployment = training_deployment(training)
    found = {one for op in training_step(batch_of(training, deployment)).operations for one in op.mentions}
    assert sum(one.bytes for one in found if one.is_gradient) == training_memory(training)["gradients"].bytes


def test_a_last_block_that_is_not_full_has_a_scale_of_its_own():
    """4,100 values are 16 blocks of 256 and a rest, in two averages; and two tables of 256 codes."""
    size = Factor("bytes per value", 2, Lever.PRECISION)
    held = Optimizer("adamw-8bit", (Parameter("norm", 1, 4100, 1, 1, size),), False).states()
    assert sum(int(term.bytes) for term in held) == 2 * (4100 + 17 * 4) + 2 * 256 * 4
