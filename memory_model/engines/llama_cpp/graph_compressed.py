"""Attention to a window and to a compressed past (deepseek4.cpp; llama-graph.cpp build_inp_dsv4)."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ...blocks.compressed_attention import CompressedAttention
from .graph import FLOAT32, Source, Tensor, View, computed, input_tensor, root, stored, values_of, view
from .placement import GPU_ALIGNMENT
from .prompt import FAR, HALF, NEAR, PLAIN, Prompt, Settings, held_rows


@dataclass(slots=True, eq=False)
class Past:
    """What the host writes for one compressed cache (llama-kv-cache-dsv4.cpp dsv4_build_reserve_comp_plan)."""

    rate: int
    series: int
    """2 where windows overlap."""
    held: int
    """Rows of tokens that are not compressed yet, of all streams."""
    blocks: int
    positions: Tensor
    read: Tensor
    kept: Tensor
    kept_ids: Tensor
    written: Tensor
    written_positions: Tensor
    mask: Tensor
    rotation: Tensor | None

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """All of them."""
        found = (self.positions, self.read, self.kept, self.kept_ids, self.written, self.written_positions, self.mask)
        return found if self.rotation is None else (*found, self.rotation)


@dataclass(slots=True, eq=False)
class Window:
    """What the host writes for the cache of the window, which all layers have."""

    ids: Tensor
    mask: Tensor
    rotation: Tensor | None


@dataclass(slots=True, eq=False)
class Pasts:
    """What layers share."""

    prompt: Prompt
    near: Past
    far: Past
    indexed: Past
    window: Window

    def bytes(self, rows: int) -> int:
        """So many rows of the caches of all streams."""
        return self.prompt.settings.streams * rows * self.prompt.settings.row_bytes


def past_of(settings: Settings, rate: int, rows: int, width: int, *, indexes: bool = False) -> Past:
    """The inputs of a cache with one row for so many tokens."""
    n, series = settings.tokens, 2 if rate == NEAR else 1
    held = held_rows(rate) * settings.streams
    blocks, kept = settings.past(rate)
    half = settings.flash or indexes
    turns = indexes or settings.key_format not in PLAIN
    side = width & -width
    return Past(
        rate,
        series,
        held,
        blocks,
        input_tensor("positions in a block", (n,)),
        input_tensor("rows to be compressed", (series * rate * blocks,)),
        input_tensor("rows to be kept", (kept,)),
        input_tensor("places of kept rows", (kept,)),
        input_tensor("places of compressed rows", (blocks,), 8),
        input_tensor("positions of compressed rows", (blocks,)),
        input_tensor("mask", (rows, n // settings.streams, 1, settings.streams), 2 if half else FLOAT32),
        input_tensor("rotation", (side, side)) if turns else None,
    )


def window_of(settings: Settings, width: int) -> Window:
    """The inputs of the cache that sees the window alone."""
    n, side = settings.tokens, width & -width
    shape = (settings.window_cells, n // settings.streams, 1, settings.streams)
    mask = input_tensor("mask", shape, 2 if settings.flash else FLOAT32)
    turns = settings.key_format not in PLAIN
    return Window(
        input_tensor("cell numbers of keys", (n,), 8), mask, input_tensor("rotation", (side, side)) if turns else None
    )


def pasts_of(prompt: Prompt, width: int, index_width: int) -> Pasts:
    """All inputs of attention."""
    settings = prompt.settings
    return Pasts(
        prompt,
        past_of(settings, NEAR, settings.cells, width),
        past_of(settings, FAR, settings.far_cells, width),
        past_of(settings, NEAR, settings.cells, index_width, indexes=True),
        window_of(settings, width),
    )


def compressed_attention(pasts: Pasts, mixer: CompressedAttention, normed: Source) -> Tensor:
    """Rows are compressed and stored, then queries see the window and, where there is one, the compressed past."""
    prompt, n, heads, width = pasts.prompt, pasts.prompt.tokens, mixer.num_attention_heads, mixer.head_dim
    past = {NEAR: pasts.near, FAR: pasts.far}.get(mixer.compress_rate)
    if past:
        _compress(prompt, past, width, normed, "compressor" if past.rate == NEAR else "far compressor")
    if mixer.index_n_heads:
        _compress(prompt, pasts.indexed, mixer.index_head_dim, normed, "indexer")
    low = prompt.norm(prompt.matmul(normed, mixer.q_lora_rank, "low-rank queries"))
    queries: Source = view(prompt.matmul(low, heads * width, "projected queries"), width, heads, n)
    queries = prompt.norm(queries, name="queries of one length")
    queries = _turned(prompt, queries, prompt.positions, "queries")
    key: Source = view(prompt.norm(prompt.matmul(normed, width, "projected keys")), width, 1, n)
    key = computed("keys", key.shape, key, prompt.positions)
    rotation = pasts.window.rotation
    if rotation is not None:
        queries, key = _rotated(rotation, queries), _rotated(rotation, key)
    prompt.graph.add(queries)
    prompt.graph.add(key)
    prompt.store("keys stored", key, pasts.window.ids)
    attended = _attended(pasts, past, mixer, queries, low, normed)
    if rotation is not None:
        attended = _rotated(rotation, values_of(attended, width, heads, n))
    turned = _turned(prompt, values_of(attended, width, heads, n), prompt.positions, "attention output, turned back")
    grouped = computed("attention output of groups", (mixer.o_lora_rank, n, mixer.o_groups), view(turned))
    joined = computed("contiguous attention output", (mixer.o_groups * mixer.o_lora_rank, n), view(grouped))
    return prompt.matmul(joined, prompt.hidden_size, "attention output")


def _turned(prompt: Prompt, source: Source, positions: Tensor, name: str) -> Tensor:
    return computed(name, source.shape, source, positions, overwrites=True)


def _rotated(rotation: Tensor, source: Source) -> Tensor:
    return computed(f"{root(source).name}, rotated", source.shape, rotation, view(source))


def _compress(prompt: Prompt, past: Past, width: int, normed: Source, part: str) -> None:
    """Weighted sums of rows, where every value of a row has a weight of its own; the latest rows are kept as they are."""
    n, side = prompt.tokens, past.series * width
    rows = prompt.matmul(normed, side, f"rows of the {part}")
    values = _gathered(past, width, rows, part)
    scores = prompt.matmul(normed, side, f"projected scores of the {part}")
    table = computed(f"scores of positions, {part}", (side, n), past.positions)
    scores = prompt.add_up(scores, table, f"scores of the {part}")
    weights = _gathered(past, width, scores, part)
    weights = computed("weights of rows", weights.shape, weights, overwrites=True)
    weighted = computed("weighted rows", values.shape, values, weights, overwrites=True)
    summed = computed("sums of rows", (1, width, past.blocks), weighted)
    found: Source = computed("compressed rows", (width, 1, past.blocks), view(summed))
    found = prompt.norm(found, name=f"normed rows of the {part}")
    found = _turned(prompt, found, past.written_positions, "compressed rows")
    if past.rotation is not None:
        found = _rotated(past.rotation, found)
    prompt.store("compressed rows stored", found, past.written)
    for source in (rows, scores):
        kept = computed("rows to be kept", (side, past.kept.shape[0]), source, past.kept)
        prompt.store("rows kept", kept, past.kept_ids)


def _gathered(past: Past, width: int, rows: Tensor, part: str) -> Tensor:
    """The rows of each block, behind those that were kept; where windows overlap, half of two blocks each."""
    side, n = rows.shape
    joined = computed(f"rows of the {part}, with those that were kept", (side, past.held + n), rows)
    if past.series == 1:
        read = computed("rows of blocks", (side, past.rate * past.blocks), joined, past.read)
        return computed("rows of blocks, transposed", (past.rate, width, past.blocks), view(read))
    empty = computed("an empty row", (side,), view(joined))
    joined = computed("rows, with an empty one", (side, past.held + n + 1), joined, view(empty))
    read = computed("rows of blocks", (side, 2 * past.rate * past.blocks), joined, past.read)
    before, own = (computed(name, (width, past.rate * past.blocks), view(read)) for name in ("rows before", "own rows"))
    both = computed("rows of both", (width, 2 * past.rate, past.blocks), view(before), view(own))
    return computed("rows of both, transposed", (2 * past.rate, width, past.blocks), view(both))


def _attended(
    pasts: Pasts, past: Past | None, mixer: CompressedAttention, queries: Tensor, low: Source, normed: Source
) -> Source:
    """One row a token of all heads' outputs."""
    prompt, settings, width = pasts.prompt, pasts.prompt.settings, mixer.head_dim
    cells, n, heads = settings.window_cells, prompt.tokens, mixer.num_attention_heads
    keys: tuple[Tensor, ...] = ()
    if past:
        cells += past.mask.shape[0]
        keys = (Tensor("keys of window and past", (width, cells), pasts.bytes(cells)),)
    if settings.flash:
        size, copied = width * heads * n * FLOAT32, settings.streams * cells * width * 2
        if settings.key_format == "fp32":
            keys = tuple(computed("keys cast to float16", (width, cells), *keys, size=copied) for _ in range(2))
        elif settings.key_format not in HALF and settings.on_device:
            size += -size % GPU_ALIGNMENT + copied
        mask = _mask(pasts, past, mixer, low, normed)
        twice = [View(key.shape, key, key.bytes) for key in keys for _ in ("as keys", "as values")]  # copied as both
        rows = keys if len(keys) == 2 else twice
        found: Source = computed("attention output of heads", (width, heads, n), view(queries), *rows, mask, size=size)
        prompt.graph.add(found)
        return values_of(found, width * heads, n)
    size = pasts.bytes(cells)
    transposed = computed("cache, transposed", (cells, width), *map(view, keys), size=size)
    prompt.graph.add(transposed)
    scores = computed("attention scores", (cells, n, heads), *map(view, keys), view(queries))
    prompt.graph.add(scores)
    mask = _mask(pasts, past, mixer, low, normed)
    weights = computed("attention weights", scores.shape, scores, mask, overwrites=True)
    apart = computed("attention output by heads", (width, n, heads), transposed, weights)
    found = computed("attention output of heads", (width * heads, n), view(apart))
    prompt.graph.add(found)
    return found


def _mask(pasts: Pasts, past: Past | None, mixer: CompressedAttention, low: Source, normed: Source) -> Tensor:
    """Who sees which cells of the window, and which rows of the past."""
    window, each = pasts.window.mask, 2 if pasts.prompt.settings.flash else FLOAT32
    if past is None:
        return window
    seen = _picked(pasts, past, mixer, low, normed) if mixer.index_n_heads else past.mask
    shape = (window.shape[0] + past.mask.shape[0], *window.shape[1:])
    return computed("mask of window and past", shape, window, seen, size=prod(shape) * each)


def _picked(pasts: Pasts, past: Past, mixer: CompressedAttention, low: Source, normed: Source) -> Tensor:
    """A mask that hides all rows but those with the highest scores."""
    prompt, n, heads, width = pasts.prompt, pasts.prompt.tokens, mixer.index_n_heads, mixer.index_head_dim
    each = 2 if prompt.settings.flash else FLOAT32
    chosen = (prompt.settings.picked, n)
    zeros = Tensor("zeros", chosen, prod(chosen) * each, constant=True)
    prompt.graph.add(zeros)
    queries = view(prompt.matmul(low, heads * width, "projected indexer queries"), width, heads, n)
    turned = computed("rotated indexer queries", queries.shape, queries, prompt.positions)
    assert pasts.indexed.rotation is not None
    found = computed("indexer queries", queries.shape, pasts.indexed.rotation, view(turned))
    weights = prompt.matmul(normed, heads, "projected indexer weights")
    weights = computed("indexer weights", weights.shape, weights, overwrites=True)
    scores = computed("indexer scores", past.mask.shape, view(found), view(weights), pasts.indexed.mask)
    best = computed("picked rows", chosen, scores)
    best = computed("picked rows", chosen, best)
    hidden = computed("mask of all rows", past.mask.shape, past.mask, size=past.mask.bytes, overwrites=True)
    shown = stored("picked rows shown", zeros, best, hidden)
    return computed(
        "mask of picked rows", past.mask.shape, shown, view(hidden), past.mask, size=past.mask.bytes, overwrites=True
    )
