"""Inference beside training: what the same model needs to answer, to be trained, and to be adapted."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import streamlit as st

from memory_model import InputError, MemoryBreakdown, Training, training_memory
from memory_model.amount import Moment
from memory_model.estimate import breakdown
from memory_model.scenario import MOST_SEQUENCES, MOST_TOKENS
from memory_model.training.breakdown import step_moments
from memory_model.training.training import MOST_RANK

from .. import figure
from ..charts.training import training_chart
from ..controls import Chosen
from ..own_models import is_own, shape
from ..refusals import in_words
from ..theme import style
from ..wording import amount, beside, count, plain

METHODS = {"full": "Full training", "lora": "LoRA", "qlora": "QLoRA"}
OPTIMIZERS = {
    "adamw": "AdamW",
    "adamw-fused": "AdamW, fused",
    "adamw-8bit": "AdamW in 8 bits",
    "sgd": "SGD",
    "sgd-momentum": "SGD with momentum",
    "adafactor": "Adafactor",
}
PRECISIONS = {"mixed": "Mixed (float32 masters)", "bf16": "All in bf16", "fp32": "All in float32"}
CHOICES = (
    (
        "numbers_optimizer",
        "Optimizer",
        OPTIMIZERS,
        190,
        "What remembers, for every learned number, how it moved so far.",
    ),
    (
        "numbers_precision",
        "Precision",
        PRECISIONS,
        230,
        "In which formats weights, gradients and the optimizer's copies are kept.",
    ),
)
NUMBERS = (
    (
        "numbers_train_tokens",
        "Tokens in a sequence",
        MOST_TOKENS,
        170,
        "How much text one sequence of a training step holds.",
    ),
    (
        "numbers_train_batch",
        "Sequences a step",
        MOST_SEQUENCES,
        150,
        "Sequences in one forward and backward pass (the micro-batch).",
    ),
    ("numbers_lora_rank", "LoRA rank", MOST_RANK, 130, "Width of the adapters that LoRA and QLoRA train."),
)


def show(chosen: Chosen) -> None:
    """The choices of a training step, the bars, and where each bar comes from; a room sees the bars."""
    if not chosen.present:
        _controls()
    training = _asked(chosen)
    gpus = chosen.deployment.options.devices
    now = "Inference now" if gpus == 1 else f"Inference now, one of {gpus}"
    bars: list[tuple[str, MemoryBreakdown]] = [(now, breakdown(chosen.deployment))]
    steps: dict[str, tuple[Moment, Moment]] = {}
    refused: dict[str, list[str]] = {}
    for method, label in METHODS.items():
        try:
            bars.append((label, _memory(replace(training, method=method))))
            steps[label] = _moments(replace(training, method=method))
        except InputError as error:
            refused.setdefault(in_words(error), []).append(label)
    device = chosen.deployment.device
    amounts = [(name, {part.name: int(part.bytes) for part in memory}) for name, memory in bars]
    figure.show(
        training_chart(
            amounts,
            unit=chosen.unit,
            capacity=device.usable_bytes if device else None,
            device=device.name if device else "",
            theme=figure.theme(),
            size=figure.text_size(chosen.present),
            room=chosen.present,
        ),
        key="training_chart",
        title="Inference against training",
        sentence=_sentence(chosen, training, bars),
        rows=[
            {"bar": name, "component": style(part).label, "bytes": size}
            for name, parts in amounts
            for part, size in parts.items()
        ],
    )
    if chosen.present:
        return
    for reason, labels in refused.items():
        st.caption(plain(f"{', '.join(labels)}: {reason}."))
    for name, memory in bars[1:]:
        kinds = ", ".join(f"{style(part.name).label.lower()} {part.evidence.value}" for part in memory)
        st.caption(plain(f"{name}: {_deciding(steps[name], int(memory.bytes), chosen.unit)} {kinds.capitalize()}."))


def _deciding(both: tuple[Moment, Moment], total: int, unit: str) -> str:
    """In which moment of a step most is alive, what the other one needs, and what the optimizer's step allocates."""
    backward, step = (int(moment.bytes) for moment in both)
    rest = total - max(backward, step)
    if step <= backward:
        return f"most is alive in the backward pass; the optimizer step needs {amount(rest + step, unit)}."
    held = " and ".join(dict.fromkeys(term.label for term in both[1].terms))
    return (
        f"most is alive in the optimizer step, after the activations were freed: it allocates {amount(step, unit)} for "
        f"{held}, however many tokens there were. The backward pass needs {amount(rest + backward, unit)}."
    )


def _controls() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for key, label, labels, width, words in CHOICES:
            st.selectbox(
                label,
                list(labels),
                key=key,
                persist_state="session",
                format_func=labels.__getitem__,
                width=width,
                help=words,
            )
        for key, label, most, width, words in NUMBERS:
            st.number_input(label, 1, most, key=key, persist_state="session", step=1, width=width, help=words)
        st.checkbox(
            "Gradient checkpointing",
            key="numbers_checkpointing",
            persist_state="session",
            help="Keep only each layer's input, and run the layer again.",
        )


def _asked(chosen: Chosen) -> Training:
    """The training step that the controls describe; every one of them lives in the link."""
    state = st.session_state
    return Training(
        model=chosen.scenario.model,
        optimizer=state.numbers_optimizer,
        precision=state.numbers_precision,
        gradient_checkpointing=state.numbers_checkpointing,
        lora_rank=state.numbers_lora_rank,
        context_length=state.numbers_train_tokens,
        batch_size=state.numbers_train_batch,
        device=chosen.scenario.device,
    )


@lru_cache(maxsize=64)
def _memory(training: Training) -> MemoryBreakdown:
    return training_memory(training, shape(training.model) if is_own(training.model) else None)


def _moments(training: Training) -> tuple[Moment, Moment]:
    return step_moments(training, shape(training.model) if is_own(training.model) else None)


def _sentence(chosen: Chosen, training: Training, bars: list[tuple[str, MemoryBreakdown]]) -> str:
    """Inference beside training in all, however many GPUs share the former, and whether the lightest training fits."""
    now, name = bars[0][1], plain(chosen.deployment.model.name)
    gpus, device = chosen.deployment.options.devices, chosen.deployment.device
    full = next((memory for label, memory in bars if label == METHODS["full"]), None)
    each = f" on each of {gpus} GPUs" if gpus > 1 else ""
    needs = f"**{amount(int(now.bytes), chosen.unit)}**{each}{beside(now, chosen.unit)}"
    said = f"To answer, {name} needs {needs} as set on this page."
    if full is None:
        return f"{said} What training {'all of it' if bars[1:] else 'it'} takes is not known here."
    step = f"{count(training.context_length, 'token')} × {count(training.batch_size, 'sequence')} a step"
    held = int(now.bytes) * gpus + sum(int(part.bytes) for part in now.host)
    times = f"{int(full.bytes) / held:.1f} times as much{' as all of them hold' if gpus > 1 else ''}"
    when = "the optimizer step" if full["optimizer_step"].bytes else "the backward pass"
    said += f" To train all of it on {step} takes **{amount(int(full.bytes), chosen.unit)}** in {when}, {times}"
    label, lightest = min(bars[1:], key=lambda bar: int(bar[1].bytes))
    if label != METHODS["full"]:
        said += f"; with {label} it is **{amount(int(lightest.bytes), chosen.unit)}**"
    if device is None:
        return f"{said}."
    fits = int(lightest.bytes) <= device.usable_bytes
    return f"{said}, which {'fits' if fits else 'does not fit'} on {'one ' if gpus > 1 else ''}{plain(device.name)}."
