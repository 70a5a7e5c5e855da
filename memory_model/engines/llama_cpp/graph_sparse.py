"""Attention to the tokens that an indexer picks (deepseek32.cpp, glm-dsa.cpp; llama-graph.cpp build_attn_inp_k_dsa)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ...blocks.sparse_attention import IndexedLatentAttention
from .graph import FLOAT32, Source, Tensor, View, computed, input_tensor, stored, view
from .prompt import Prompt


@dataclass(slots=True, eq=False)
class Picks:
    """What the indexers of all layers share, and the tokens that the last of them picked."""

    prompt: Prompt
    keys: Tensor
    mask: Tensor
    rotation: Tensor
    latest: Tensor | None = None

    def store(self, mixer: IndexedLatentAttention, normed: Source) -> None:
        """The indexer's key of every token."""
        prompt, width = self.prompt, mixer.index_head_dim
        projected = prompt.matmul(normed, width, "projected indexer keys")
        projected = prompt.norm(projected, rms=False, name="normed indexer keys")
        turned = computed("rotated indexer keys", projected.shape, view(projected), prompt.positions)
        prompt.store("indexer keys stored", computed("indexer keys", turned.shape, self.rotation, turned), self.keys)

    def pick(self, mixer: IndexedLatentAttention, normed: Source, low: Source) -> None:
        """The tokens with the highest scores, for this layer and those behind it that have no indexer."""
        prompt, n, heads = self.prompt, self.prompt.tokens, mixer.index_n_heads
        shape = (mixer.index_head_dim, heads, n)
        projected = prompt.matmul(low, heads * mixer.index_head_dim, "projected indexer queries")
        turned = computed("rotated indexer queries", shape, view(projected), prompt.positions)
        queries = computed("indexer queries", shape, self.rotation, turned)
        weights = computed(
            "indexer weights", (heads, n), view(prompt.matmul(normed, heads, "projected indexer weights"))
        )
        found = computed("indexer scores", self.mask.shape, view(queries), weights, self.mask)
        best = computed("picked tokens", (prompt.settings.picked, n), found)
        self.latest = computed("picked tokens", best.shape, best)

    def masked(self, mask: Tensor) -> Tensor:
        """A mask that hides all tokens but those picked.

        Zeros to be written over it are a constant: it has its place before anything is computed. Every layer has a view of
        its own of the tokens, which is copied for it where they were picked elsewhere.
        """
        settings = self.prompt.settings
        assert self.latest is not None
        zeros = Tensor("zeros", self.latest.shape, prod(self.latest.shape) * FLOAT32, constant=True)
        hidden = computed("mask of all tokens", mask.shape, mask, size=mask.bytes, overwrites=True)
        tokens = View(self.latest.shape, self.latest, self.latest.bytes)
        shown = stored("picked tokens shown", zeros, tokens, hidden)
        size = mask.bytes if settings.flash else None
        return computed("mask of picked tokens", mask.shape, shown, view(hidden), mask, size=size, overwrites=True)


def picks(prompt: Prompt, width: int) -> Picks:
    """The inputs of indexers whose keys have so many values; their mask is float16, with or without flash attention."""
    settings, n = prompt.settings, prompt.tokens
    mask = input_tensor("mask of indexers", (settings.cells, n // settings.streams, 1, settings.streams), 2)
    side = width & -width
    return Picks(
        prompt,
        input_tensor("cell numbers of indexer keys", (n,), 8),
        mask,
        input_tensor("rotation of indexer keys", (side, side)),
    )
