"""Several residual streams that every layer mixes (deepseek4.cpp build_hc_pre, build_hc_post, build_hc_head)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .graph import Source, Tensor, computed, view
from .prompt import Prompt


@dataclass(slots=True, eq=False)
class Streams:
    """`count` streams of every token, computed at once."""

    prompt: Prompt
    count: int

    def spread(self, embedding: Tensor) -> Tensor:
        """The embedding in every stream."""
        return computed("streams", (self.prompt.hidden_size, self.count, self.prompt.tokens), view(embedding))

    def around(self, streams: Tensor, compute: Callable[[Source], Tensor], part: str) -> Tensor:
        """What `mixers` or `MLPs` make of a mix of the streams, added to a mix of them.

        In front of MLPs it is computed first how theirs is added (deepseek4.cpp ggml_build_forward_expand).
        """
        count, n, graph = self.count, self.prompt.tokens, self.prompt.graph
        mixes = self._mixes(streams, (2 + count) * count, part)
        written = computed(f"weights of what {part} add", (count, n), view(mixes))
        mixing = computed(f"weights of streams for {part}", (count, count, n), mixes)
        if part == "MLPs":
            for early in (streams, written, mixing):
                graph.add(early)
        read = computed(f"weights of what {part} read", (count, n), view(mixes))
        entering = computed("mixed streams", (self.prompt.hidden_size, n), streams, read)
        found = compute(self.prompt.norm(entering))
        return computed("streams", streams.shape, found, streams, written, mixing)

    def joined(self, streams: Tensor) -> Tensor:
        """One stream again, of the output tokens."""
        outputs, hidden = self.prompt.settings.outputs, self.prompt.hidden_size
        flat = view(streams, self.count * hidden, self.prompt.tokens)
        rows = self.prompt.only_outputs(flat)
        weights = self._mixes(rows, self.count, "outputs")
        found = computed("weighted stream", (hidden, outputs), view(rows), view(weights))
        for _ in range(self.count - 1):
            more = computed("weighted stream", found.shape, view(rows), view(weights))
            found = self.prompt.add_up(found, more, "sum of the streams")
        return found

    def _mixes(self, streams: Tensor, rows: int, part: str) -> Tensor:
        flat = view(streams, self.count * self.prompt.hidden_size, streams.shape[-1])
        return self.prompt.matmul(self.prompt.norm(flat, name="normed streams"), rows, f"mixes for {part}")
