"""Several residual streams, of which every layer computes one and predicts the others (gemma3n.cpp).

Alternating updates: Baykal et al. 2023, arXiv:2301.13310.
"""

from __future__ import annotations

from .graph import Source, Tensor, computed, values_of, view
from .prompt import Prompt


def spread(prompt: Prompt, rows: Tensor, streams: int) -> Tensor:
    """The first stream and what is projected from it for each other, all of one size."""
    target = _magnitude(rows)
    repeated = computed("embedding, repeated", (*rows.shape, streams - 1), rows)
    added = prompt.matmul(repeated, prompt.hidden_size, "further streams")
    scaled = _as_large_as(added, target)
    return computed("streams", (*rows.shape, streams), rows, scaled)


def predicted(prompt: Prompt, stacked: Tensor) -> tuple[Tensor, Source]:
    """What a layer's streams are expected to be, and the one that it will compute."""
    hidden, n, streams = stacked.shape
    mix = prompt.matmul(_modalities(prompt, first(stacked), streams), streams * streams, "coefficients of prediction")
    turned = computed("streams by value", (streams, hidden, n), view(stacked))
    mixed = computed("predictions by value", turned.shape, turned, view(mix, streams, streams, n))
    found = prompt.add_up(computed("predictions", stacked.shape, view(mixed)), stacked, "predictions")
    return found, first(found)


def corrected(prompt: Prompt, predictions: Tensor, activated: Tensor) -> Tensor:
    """All streams moved by how much the computed one differs from its prediction."""
    _, n, streams = predictions.shape
    router = _modalities(prompt, activated, streams)
    innovation = computed("innovation", activated.shape, activated, first(predictions), overwrites=True)
    repeated = computed("innovation, repeated", predictions.shape, innovation)
    mix = prompt.matmul(router, streams, "coefficients of correction")
    by_stream = computed("coefficients by stream", (1, n, streams), view(mix))
    moved = computed("innovation of streams", repeated.shape, repeated, by_stream, overwrites=True)
    return prompt.add_up(moved, predictions, "corrected streams")


def with_own_input(stacked: Tensor, own: Tensor) -> Tensor:
    """A layer's own input is added to all streams but the first."""
    hidden, n, streams = stacked.shape
    others = values_of(stacked, hidden, n, streams - 1)
    rest = computed("streams but the first", others.shape, others, own, overwrites=True)
    return computed("streams", stacked.shape, first(stacked), rest)


def merged(prompt: Prompt, stacked: Tensor) -> Tensor:
    """The mean of all streams, each made as large as the first."""
    hidden, n, streams = stacked.shape
    target = _magnitude(first(stacked))
    rest = values_of(stacked, hidden, n, streams - 1)
    others = computed("further streams, back", (hidden, n, streams - 1), rest)
    scaled = _as_large_as(others, target)
    total: Source = first(stacked)
    for _ in range(streams - 1):
        total = computed("sum of streams", (hidden, n), total, values_of(scaled, hidden, n), overwrites=True)
    assert isinstance(total, Tensor)
    return total


def low_rank(prompt: Prompt, source: Tensor, rank: int) -> Tensor:
    """A learned residual: Menghani et al. 2024, arXiv:2411.07501."""
    found = prompt.matmul(prompt.matmul(source, rank, "low-rank residual"), prompt.hidden_size, "learned residual")
    return prompt.add_up(found, source, "learned residual, added")


def feed(prompt: Prompt, width: int, source: Tensor, *, sparse: bool) -> Tensor:
    """Up and gate, of which `sparse` layers keep the largest values alone, their product, and down."""
    opened = prompt.matmul(source, width, "gate")
    up = prompt.matmul(source, width, "up")
    inner = computed("gated", up.shape, up, _sparse_gate(opened) if sparse else opened, overwrites=True)
    return prompt.matmul(inner, prompt.hidden_size, "MLP output")


def _sparse_gate(opened: Tensor) -> Tensor:
    """A gate of which only values far above the mean are kept (gaussian_topk)."""
    row = (1, opened.shape[1])
    mean = computed("mean of the gate", row, opened)
    centred = computed("centred gate", opened.shape, opened, mean, overwrites=True)
    deviation = computed("deviation of the gate", row, centred)
    cutoff = computed("cutoff of the gate", row, mean, deviation, overwrites=True)
    return computed("sparse gate", opened.shape, opened, cutoff, overwrites=True)


def first(stacked: Tensor) -> Source:
    """The stream that layers compute."""
    return values_of(stacked, *stacked.shape[:2])


def _modalities(prompt: Prompt, source: Source, streams: int) -> Tensor:
    return prompt.matmul(prompt.norm(source, name="router input"), streams, "modalities")


def _magnitude(source: Source) -> Tensor:
    """The root of the sum of squares of every token's values."""
    squares = computed("squares", source.shape, source, overwrites=True)
    return computed("magnitude", (1, *source.shape[1:]), squares)


def _as_large_as(source: Tensor, target: Tensor) -> Tensor:
    scaled = computed("further streams, scaled", source.shape, source, target, overwrites=True)
    return computed("further streams, scaled", source.shape, scaled, _magnitude(source), overwrites=True)
