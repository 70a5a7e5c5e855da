"""Attention to the blocks of tokens that an indexer picks, for each stream on its own (minimax-m3.cpp)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ...blocks.sparse_attention import BlockSparseAttention
from .graph import FLOAT32, Source, Tensor, View, computed, input_tensor, stored, values_of, view
from .placement import GPU_ALIGNMENT
from .prompt import HALF, CacheInputs, Prompt


@dataclass(slots=True, eq=False)
class Blocks:
    """What the host writes for all layers, and how many blocks of tokens there are and are picked."""

    prompt: Prompt
    keys: Tensor
    bias: Tensor
    visible: Tensor
    cells: Tensor
    cell_numbers: Tensor
    """The block of each cell; or the same as `cells`, in float32, where every stream has one token."""
    mask: Tensor
    """That of the cache, in float32."""

    @property
    def streams(self) -> int:
        """Each is attended to on its own."""
        return self.prompt.settings.streams

    @property
    def each(self) -> int:
        """Tokens of a stream."""
        return self.prompt.tokens // self.streams

    def attend(self, mixer: BlockSparseAttention, cache: CacheInputs, normed: Source, queries: Source) -> Source:
        """Of every stream, its tokens' heads over its cells, where those of other blocks are hidden."""
        prompt = self.prompt
        indexing = _indexer(prompt, normed, mixer.index_n_heads, mixer.index_head_dim, "block indexer queries")
        if self.each == 1:
            return self._gathered(mixer, queries, indexing)
        found: Source | None = None
        for stream in range(self.streams):
            hidden = self._hidden(mixer, indexing)
            out = self._flash(mixer, cache, queries, hidden)
            rows = view(out, mixer.output_width, self.each)
            joined = (mixer.output_width, (stream + 1) * self.each)
            found = rows if found is None else computed("attention output of streams", joined, found, rows)
        assert found is not None
        return found

    def _gathered(self, mixer: BlockSparseAttention, queries: Source, indexing: Source) -> Tensor:
        """One token a stream: the picked rows of all streams are gathered, and attended to at once."""
        settings, heads, streams = self.prompt.settings, mixer.index_n_heads, self.streams
        positions, blocks = self.visible.shape[0], self.bias.shape[0]
        picked = settings.picked // settings.blocks
        keys = computed("indexer keys by position", (mixer.index_head_dim, positions, streams), self.cells)
        scores = computed("scores of positions", (positions, heads, streams), keys, view(indexing))
        masked = stored("scores of positions masked", scores, self._whole(self.visible))
        pooled = computed("scores of blocks", (blocks, heads, streams), masked, scores)
        biased = computed("scores of blocks", pooled.shape, pooled, self._whole(self.bias), overwrites=True)
        first = computed("picked blocks", (picked, heads, streams), biased)
        first = computed("first tokens of picked blocks", first.shape, first)
        every = (settings.blocks, picked, heads, streams)
        tokens = computed("picked tokens", every, view(first))
        tokens = computed(
            "picked tokens", every, tokens, computed("numbers of tokens", (settings.blocks,)), overwrites=True
        )
        tokens = computed("picked tokens", every, view(tokens))
        cells = computed("picked cells", every, self._whole(self.cell_numbers), tokens)
        rows = computed("picked rows", every, view(cells))
        rows = computed("picked rows", every, rows, computed("numbers of heads", (heads,)), overwrites=True)
        rows = computed("picked rows", every, view(rows))
        gathered, size = [], mixer.output_width * streams * FLOAT32
        formats = (("keys", mixer.head_dim, settings.key_format), ("values", mixer.v_head_dim, settings.value_format))
        for name, width, form in formats:
            found = computed(f"{name} of picked tokens", (width, *every), rows)
            if form != "fp32":
                found = computed(f"{name} in 16 bits", found.shape, view(found), size=prod(found.shape) * 2)
            if form == "bf16" and settings.on_device:
                size += -size % GPU_ALIGNMENT + prod(found.shape) * 2
            gathered.append(found)
        mask = computed("mask of picked tokens", every, self._whole(self.visible), tokens)
        mask = computed("mask of picked tokens", every, view(mask), size=prod(every) * 2)
        shape = (mixer.output_width, streams)
        return computed("attention output of heads", shape, view(queries), *map(view, gathered), mask, size=size)

    def _whole(self, source: Tensor) -> View:
        """All of an input in another shape, which a device copies for each layer anew."""
        seen = View((*source.shape, 1), source, source.bytes)
        return self.prompt.graph.copied_apart(seen) if self.prompt.settings.on_device else seen

    def _hidden(self, mixer: BlockSparseAttention, indexing: Source) -> Tensor:
        """The mask of all cells but those of picked blocks, for each group of heads."""
        settings, heads, n = self.prompt.settings, mixer.index_n_heads, self.each
        positions, blocks = self.visible.shape[0], self.bias.shape[0]
        picked = settings.picked // settings.blocks
        keys = computed("indexer keys by position", (mixer.index_head_dim, positions), self._part(self.cells, 1))
        part = view(indexing, mixer.index_head_dim, heads * n)
        scores = computed("scores of positions", (positions, heads, n), keys, part)
        masked = stored("scores of positions masked", scores, self._part(self.visible, n))
        pooled = computed("scores of blocks", (blocks, heads, n), masked, scores)
        bias = self._part(self.bias, n)
        biased = computed("scores of blocks", pooled.shape, pooled, bias, overwrites=True)
        best = computed("picked blocks", (picked, heads, n), biased)
        zeros = computed("zeros", best.shape, best)
        half = [blocks * count * 2 for count in (n, heads * n)]
        none = computed("hidden blocks", bias.shape, bias, overwrites=True)
        none = computed("hidden blocks", none.shape, none, size=half[0])
        every = computed("hidden blocks of heads", pooled.shape, none, size=half[1])
        written = stored("picked blocks shown", zeros, best, every)
        shown = computed("mask of blocks", (blocks, n, heads), written, view(every), size=half[1])
        turned = computed("mask of blocks, transposed", (n * heads, blocks), view(shown), size=half[1])
        cells = (settings.cells, n, heads)
        rows = computed("mask by cells", (n * heads, settings.cells), turned, self._part(self.cell_numbers, 1))
        mask = computed("mask by tokens", cells, view(rows))
        combined = stored("mask combined", mask, View(cells[:2], self.mask, self.mask.bytes // self.streams))
        return computed("mask of picked blocks", cells, combined, view(mask), size=prod(cells) * 2)

    def _flash(self, mixer: BlockSparseAttention, cache: CacheInputs, queries: Source, mask: Tensor) -> Tensor:
        settings, n = self.prompt.settings, self.each
        size = mixer.output_width * n * FLOAT32
        group = mixer.num_attention_heads // mixer.num_key_value_heads  # whose key heads are as many sequences
        as_stored = settings.key_format != "bf16" and settings.reads_as_stored(mixer.head_dim, group, cache.cells)
        for width, form in ((mixer.key_width, settings.key_format), (mixer.value_width, settings.value_format)):
            if form not in HALF and settings.on_device and not as_stored:
                size += -size % GPU_ALIGNMENT + cache.cells * width * 2
        shape = (mixer.output_width, n)
        found = computed("attention output of heads", shape, view(queries), mask, size=size)
        return computed("contiguous attention output", shape, values_of(found, *shape)) if n > 1 else found

    def _part(self, source: Tensor, rows: int) -> View:
        """That of one stream, which a device copies for each layer anew."""
        part = View((source.shape[0], rows), source, source.bytes // self.streams)
        return self.prompt.graph.copied_apart(part) if self.prompt.settings.on_device else part


def store(prompt: Prompt, mixer: BlockSparseAttention, blocks: Blocks, normed: Source) -> None:
    """The indexer's key of every token."""
    found = _indexer(prompt, normed, 1, mixer.index_head_dim, "block indexer keys")
    prompt.store("indexer keys stored", found, blocks.keys)


def blocks_of(prompt: Prompt, cache: CacheInputs) -> Blocks:
    """The inputs of indexers that pick blocks of so many tokens, for a cache that is full."""
    settings, n = prompt.settings, prompt.tokens
    block = settings.blocks
    positions = -(-settings.cells // block) * block
    mask = computed("mask in float32", cache.mask.shape, cache.mask)
    return Blocks(
        prompt,
        input_tensor("cell numbers of indexer keys", (n,), 8),
        input_tensor("bias of blocks", (positions // block, n)),
        input_tensor("mask of positions", (positions, n)),
        input_tensor("cells of positions", (positions, settings.streams)),
        input_tensor("cell numbers", (settings.cells if n > settings.streams else positions, settings.streams)),
        mask,
    )


def _indexer(prompt: Prompt, normed: Source, heads: int, width: int, name: str) -> Tensor:
    shape = (width, heads, prompt.tokens)
    return computed(
        name, shape, view(prompt.matmul(normed, heads * width, f"projected {name}"), *shape), prompt.positions
    )
