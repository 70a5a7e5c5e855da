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

    def around(self, streams: Tensor, compute: Callable[[Source], Tensor], *, at_once: bool) -> Tensor:
        """What a mixer or an MLP makes of a mix of the streams, added to a mix of them.

        `at_once`: how it is added is computed before (llama-graph.cpp ggml_build_forward_expand).
        """
        count, n, graph = self.count, self.prompt.tokens, self.prompt.graph
        mixes = self._mixes(streams, (2 + count) * count)
        written = computed("weights of what is added", (count, n), view(mixes))
        mixing = computed("weights of the streams", (count, count, n), mixes)
        if at_once:
            for early in (streams, written, mixing):
                graph.add(early)
        read = computed("weights of what is read", (count, n), view(mixes))
        entering = computed("mixed streams", (self.prompt.hidden_size, n), streams, read)
        found = compute(self.prompt.norm(entering))
        return computed("streams", streams.shape, found, streams, written, mixing)

    def joined(self, streams: Tensor) -> Tensor:
        """One stream again, of the output tokens."""
        outputs, hidden = self.prompt.settings.outputs, self.prompt.hidden_size
        flat = view(streams, self.count * hidden, self.prompt.tokens)
        rows = self.prompt.only_outputs(flat)
        weights = self._mixes(rows, self.count)
        found = computed("weighted stream", (hidden, outputs), view(rows), view(weights))
        for _ in range(self.count - 1):
            more = computed("weighted stream", found.shape, view(rows), view(weights))
            found = self.prompt.add_up(found, more, "sum of the streams")
        return found

    def _mixes(self, streams: Tensor, rows: int) -> Tensor:
        normed = self.prompt.norm(view(streams, self.count * self.prompt.hidden_size, streams.shape[-1]))
        return self.prompt.matmul(normed, rows, "mixes of the streams")
