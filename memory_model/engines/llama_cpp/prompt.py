"""The prompt that a context reserves memory for, and the operations that all parts of its graph are built from."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...tensors import Mixer
from .graph import FLOAT32, Graph, Source, Tensor, computed, input_tensor, stored, view
from .kernels import MANY_CELLS, UNFUSED, has_indexer_kernel, has_kernel, reads_as_stored
from .placement import GPU_ALIGNMENT, HOST_ALIGNMENT

HALF = ("fp16", "f16")
PLAIN = (*HALF, "fp32", "bf16")

NEAR, FAR = 4, 128
"""Tokens that become one row, where windows overlap and an indexer picks among the rows, and where neither is so."""


def held_rows(rate: int) -> int:
    """Rows of a sequence that are kept until they are compressed: of two blocks where windows overlap."""
    return 2 * rate if rate == NEAR else rate


@dataclass(frozen=True, slots=True)
class Settings:
    """A context, as far as its graph depends on it; equal settings have equal graphs."""

    tokens: int
    """Tokens of the micro-batch, of all sequences."""
    outputs: int
    """Tokens whose logits are computed."""
    sequences: int
    streams: int
    cells: int
    """Cells of one stream in a layer that sees everything."""
    window_cells: int
    """Cells of one stream in a layer with a window; 0 for a model without."""
    picked: int
    """Tokens of those in the cache that an indexer picks for each token; 0 for a model without."""
    others: int
    """Sequences of the context that have no token in this micro-batch."""
    flash: bool
    key_format: str
    value_format: str
    on_device: bool
    far_cells: int = 0
    """Rows of one stream that stand for many tokens each, of a model that keeps such; `cells` are then those for few."""
    told: tuple[int, ...] = ()
    """Blocks, and rows that are kept, for few tokens and for many, instead of those of this prompt; where sizes are read off."""
    row_bytes: int = 0
    """Bytes of one of these rows."""
    block: int = 0
    """Tokens of a block that an indexer picks as a whole, if it picks any; the graph has a part for each stream then."""
    values_as_rows: bool = True
    """Values lie as keys do in the cache, not transposed."""
    few_tokens: int = 0
    """Tokens of a stream up to which the GPU may have another kernel, that reads the cache as it is."""
    reads_alone: bool = False
    """One token alone in its context may have it, too."""
    few: int | None = None
    """The kind of `fewness`, instead of that of this prompt; where sizes are read off."""

    @property
    def blocks(self) -> int:
        """The same; 0 where it picks none."""
        return self.block if self.picked else 0

    def past(self, rate: int) -> tuple[int, int]:
        """Blocks of so many tokens that a prompt may begin or end, one more a sequence; and rows that are kept for later.

        llama-kv-cache-dsv4.cpp dsv4_build_reserve_comp_plan.
        """
        if self.told:
            return (self.told[0], self.told[1]) if rate == NEAR else (self.told[2], self.told[3])
        return self.tokens // rate + self.sequences, min(self.tokens, held_rows(rate) * self.streams)

    @property
    def fewness(self) -> int:
        """0 where a stream has more tokens than another kernel takes, else 1; of one token in BF16, alone in its context,
        2 where there are few cells, 3 where only windows have few, and 4 where there are many."""
        if self.few is not None:
            return self.few
        if self.tokens // self.streams > self.few_tokens:
            return 0
        if self.key_format != "bf16" or self.streams > 1 or not self.reads_alone:
            return 1
        return 2 + (self.cells >= MANY_CELLS) + (self.cells >= MANY_CELLS and self.window_cells >= MANY_CELLS)

    def reads_as_stored(self, width: int, group: int, cells: int) -> bool:
        """Whether a GPU reads a cache of so many cells without a float16 copy."""
        few, windowed = self.fewness, bool(self.window_cells) and cells == self.window_cells
        many = few > (3 if windowed else 2)
        formats = (self.key_format, self.value_format)
        return few > 0 and reads_as_stored(width, group, *formats, alone=few > 1, many=many)

    def fused_on_host(self, mixer: Mixer | None) -> bool:
        """Whether flash attention, asked for, is computed on the host though a GPU computes the rest."""
        formats = (self.key_format, self.value_format)
        unread = any(name in UNFUSED for name in formats)
        return self.on_device and self.flash and (unread or not has_kernel(mixer))

    def indexes_on_host(self, mixer: Mixer | None) -> bool:
        """Whether tokens are scored on the host though a GPU computes the rest."""
        return self.on_device and not has_indexer_kernel(mixer, self.key_format)

    @property
    def alignment(self) -> int:
        """Tensors are padded to a multiple of so many bytes."""
        return GPU_ALIGNMENT if self.on_device else HOST_ALIGNMENT


@dataclass(frozen=True, slots=True, eq=False)
class CacheInputs:
    """What the host writes for the layers of one cache: where new rows go, and who may see whom."""

    cells: int
    keys: Tensor
    values: Tensor
    mask: Tensor
    key_rotation: Tensor | None
    value_rotation: Tensor | None
    stores_keys_first: bool = False


@dataclass(slots=True, eq=False)
class Prompt:
    """A graph that is being built. Activations are float32."""

    settings: Settings
    hidden_size: int
    positions_per_token: int = 1
    graph: Graph = field(default_factory=Graph)
    ids: Tensor = field(init=False)
    positions: Tensor = field(init=False)
    temperatures: Tensor = field(init=False)
    """One number a token that scales its queries."""
    output_ids: Tensor = field(init=False)
    states: Tensor = field(init=False)
    """Which recurrent state belongs to each sequence."""
    other_states: Tensor = field(init=False)
    """Those of sequences without a token in this prompt: mostly none; but on a device an input of its own."""

    def __post_init__(self) -> None:
        self.ids = input_tensor("token ids", (self.tokens,))
        self.positions = input_tensor("positions", (self.tokens * self.positions_per_token,))
        self.temperatures = input_tensor("attention temperatures", (self.tokens,))
        self.output_ids = input_tensor("output ids", (self.settings.outputs,))
        settings = self.settings
        self.states = input_tensor("state ids", (settings.sequences + (0 if settings.on_device else settings.others),))
        self.other_states = self.states
        if settings.on_device:
            self.other_states = input_tensor("other state ids", (settings.others,))

    @property
    def tokens(self) -> int:
        """Tokens of the micro-batch."""
        return self.settings.tokens

    def cache_inputs(self, cells: int, key_width: int, value_width: int, values: int, windows: bool) -> CacheInputs:
        """llama-graph.cpp build_attn_inp_kv, build_attn_inp_kv_iswa; `values`: of one cell, in the widest layer.

        Quantised rows are rotated where the head size allows it (llama-kv-cache.cpp build_input_k_rot).
        """
        settings, n = self.settings, self.tokens
        value_ids = n if settings.values_as_rows else n * values
        rows = n // settings.streams
        mask = input_tensor("mask", (cells, rows, 1, settings.streams), 2 if settings.flash else FLOAT32)
        rotates_keys = settings.key_format not in PLAIN and key_width % 64 == 0
        rotates_values = settings.value_format not in PLAIN and value_width % 64 == 0
        side = key_width & -key_width
        return CacheInputs(
            cells,
            input_tensor("cell numbers of keys", (n,), 8),
            input_tensor("cell numbers of values", (value_ids,), 8),
            mask,
            input_tensor("rotation of keys", (side, side)) if rotates_keys else None,
            input_tensor("rotation of values", (64, 64)) if rotates_values else None,
            windows,
        )

    def embedding(self, others: int = 1) -> Tensor:
        """Rows of the token embedding, looked up on the host (llama-graph.cpp build_inp_embd).

        `others`: how many times as wide other inputs, such as pictures, are; the rows are padded to that.
        """
        shape = (self.hidden_size, self.tokens)
        rows = computed("token embedding", shape, self.ids, on_host=True)
        self.graph.add(rows)
        self.graph.add(input_tensor("embeddings of other inputs", (others * self.hidden_size, self.tokens)))
        return rows if others == 1 else self.padded(rows, others)

    def padded(self, rows: Tensor, others: int) -> Tensor:
        """The same rows, followed by zeros."""
        whole = computed("padded embedding", (others * self.hidden_size, self.tokens), rows)
        self.graph.add(whole)
        return whole

    def norm(self, source: Source, *, rms: bool = True, name: str = "normed") -> Tensor:
        """An RMS norm may overwrite what it reads, a layer norm may not."""
        return computed(name, source.shape, source, overwrites=rms)

    def matmul(self, source: Source, width: int, name: str) -> Tensor:
        """The product with a weight matrix."""
        return computed(name, (width, *source.shape[1:]), source)

    def add_up(self, first: Source, second: Source, name: str) -> Tensor:
        """A sum that may overwrite either."""
        return computed(name, first.shape, first, second, overwrites=True)

    def only_outputs(self, source: Source) -> Tensor:
        """The rows whose logits are wanted."""
        shape = (source.shape[0], self.settings.outputs)
        return computed(f"{_name(source)} of output tokens", shape, source, self.output_ids)

    def store(self, label: str, source: Source, ids: Tensor) -> None:
        """Writes rows into a cache."""
        self.graph.add(stored(label, source, ids))

    def heads(self, source: Source, heads: int, width: int) -> Source:
        """The same values, by heads."""
        return view(source, width, heads, self.tokens)

    def finish(self, hidden: Source, vocab_size: int, *, keep: Source | None = None) -> None:
        """The logits; they, the normed hidden states and `keep` stay until the end."""
        logits = self.matmul(hidden, vocab_size, "logits")
        self.graph.add(logits)
        self.graph.outputs.update({logits, *(t for t in (hidden, keep) if isinstance(t, Tensor))})


def _name(source: Source) -> str:
    return source.name if isinstance(source, Tensor) else source.of.name
