"""Residuals that attend to what earlier blocks of layers began with (kimi-k3.cpp)."""

from __future__ import annotations

from dataclasses import dataclass

from .graph import Source, Tensor, columns, computed, view
from .prompt import Prompt


@dataclass(slots=True, eq=False)
class Residuals:
    """The streams with which blocks of layers began, one tensor of them all."""

    prompt: Prompt
    banked: Source | None = None
    count: int = 0

    def bank(self, stream: Source) -> None:
        """Keeps another stream: a copy of all, with it behind."""
        hidden, n = stream.shape
        one = view(stream, hidden, 1, n)
        self.count += 1
        if self.banked is None:
            on_host = self.prompt.settings.on_device and one.of.on_host
            self.banked = self.prompt.graph.copied_apart(one) if on_host else one
        else:
            self.banked = computed("streams of blocks", (hidden, self.count, n), self.banked, one)

    def mixed(self, stream: Source, reader: str, layer: int) -> Source:
        """A sum of these and of the stream, each by its score for a reader; the stream alone before anything is kept."""
        if self.banked is None:
            return stream
        n = stream.shape[1]
        scores = [self._scores(*each, reader, layer) for each in ((self.banked, self.count), (stream, 1))]
        joined = computed("scores of blocks", (self.count + 1, n), *scores)
        shares = computed("scores of blocks", joined.shape, joined, overwrites=True)
        before, own = (computed("shares of blocks", (k, n), columns(shares, k)) for k in (self.count, 1))
        summed = computed("sum of blocks", stream.shape, self.banked, before)
        weighted = computed("weighted stream", stream.shape, stream, own, overwrites=True)
        return self.prompt.add_up(summed, weighted, "mixed stream")

    def _scores(self, streams: Source, count: int, reader: str, layer: int) -> Tensor:
        normed = computed(f"scored for {reader}", streams.shape, streams, overwrites=True)
        self.prompt.graph.layers[normed] = layer
        return computed("scores", (count, streams.shape[-1]), normed)
