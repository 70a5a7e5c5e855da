"""The sizes of a context: cells, streams and micro-batch, from what was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...amount import Factor, Lever, Number, Term
from ...blocks.compressed_attention import CompressedAttention
from ...deployment import Deployment
from ...units import larger, round_up, smaller, where
from .placement import GPU_ALIGNMENT, HOST_ALIGNMENT, Placement, placement_of

CELLS = 256
"""Cells come in multiples of this many (llama-context.cpp; src/llama-kv-cache.cpp at 0c1e57098)."""
DEFAULT_BATCH = 2048
"""n_batch, which caps n_ubatch (common.h)."""
SLIDES = (
    "afmoe", "cohere2", "cohere2_moe", "deepseek_v4", "exaone4", "exaone_moe", "gemma2", "gemma3_text", "gemma3n_text",
    "gemma4_text", "gpt_oss", "granite_swa", "granitemoe_swa", "laguna", "llama4_text", "mellum", "mimo_v2", "mimo_v2_flash",
    "muse_glimmer_text", "olmo3", "smallthinker", "step3p5",
)  # fmt: skip
"""Language models whose windows llama.cpp knows; it caches every token of all others (phi3, mistral, qwen2)."""


@dataclass(frozen=True, slots=True)
class Context:
    """What llama.cpp makes of a workload: `n_ctx` is the context length times the sequences, padded to 256 cells.

    llama-context.cpp and the probe of 20,408 contexts at 0c1e57098. Every size is an integer at a point and a float64
    array over a grid.
    """

    deployment: Deployment

    @property
    def placement(self) -> Placement:
        """Where each layer lies."""
        return placement_of(self.deployment)

    @property
    def on_gpu(self) -> bool:
        """Whether there is a GPU; else everything is in host memory."""
        return self.deployment.options.placement == "one-gpu"

    @property
    def alignment(self) -> int:
        """Tensors are padded to a multiple of so many bytes."""
        return GPU_ALIGNMENT if self.on_gpu else HOST_ALIGNMENT

    @property
    def flash(self) -> bool:
        """Whether attention runs without writing scores out."""
        return self.deployment.attention == "flash"

    @property
    def values_as_rows(self) -> bool:
        """Whether values lie as keys do, not transposed: for flash attention, or where that was tried in vain.

        The cache is made before the engine knows (llama-kv-cache.cpp v_trans; llama-context.cpp).
        """
        return self.flash or not self.deployment.options.asks_for_attention

    @property
    def unified(self) -> bool:
        """Whether all sequences share one stream of cells; caches with compressed rows never do."""
        return self.deployment.options.kv_unified and not self.compresses

    @property
    def compresses(self) -> bool:
        """Whether some layers keep one row for several tokens (llama-kv-cache-dsv4.cpp)."""
        return any(isinstance(group.mixer, CompressedAttention) for group in self.deployment.model.layers)

    @property
    def sequences(self) -> Any:
        """n_seq_max."""
        return self.deployment.workload.batch_size

    @property
    def streams(self) -> Any:
        """Separate caches: one, or one a sequence."""
        return 1 if self.unified else self.sequences

    @property
    def streams_alone(self) -> Any:
        """1 where every sequence has a stream of its own, 0 where several share one."""
        return where(self.streams == self.sequences, 1, 0)

    @property
    def requested(self) -> Any:
        """n_ctx as asked for: the tokens of all sequences."""
        return self.deployment.workload.context_length * self.sequences

    @property
    def cells(self) -> Any:
        """n_ctx_seq: cells of one stream in a layer that sees everything."""
        total = round_up(self.requested, CELLS)
        return total if self.deployment.options.kv_unified else round_up(total // self.sequences, CELLS)

    @property
    def batch(self) -> Any:
        """n_batch, from the request before padding."""
        return smaller(self.requested, DEFAULT_BATCH)

    @property
    def micro_batch(self) -> Any:
        """n_ubatch."""
        return smaller(self.batch, self.deployment.options.step_tokens)

    @property
    def prompt(self) -> Any:
        """Tokens of the prompt that memory is reserved for."""
        return smaller(self.cells * (1 if self.deployment.options.kv_unified else self.sequences), self.micro_batch)

    @property
    def step(self) -> Any:
        """Tokens of its graph: rounded up to a multiple of the sequences."""
        return -(-self.prompt // self.sequences) * self.sequences

    @property
    def outputs(self) -> Any:
        """Tokens whose logits are reserved: all of the prompt, or one a sequence, as for the next token of each."""
        return larger(smaller(self.prompt, self.most_outputs), self.sequences)

    @property
    def most_outputs(self) -> Any:
        """n_outputs_max."""
        return self.batch if self.deployment.workload.logits == "all" else self.sequences

    def window_of(self, window: int | None) -> int | None:
        """The window as the engine knows it: none for models that it caches in full.

        As the file states it, though a class may see one token more (conversion/mimo.py add_sliding_window).
        """
        model = self.deployment.model
        if window is None or model.modeling not in SLIDES:
            return None
        stated = model.text_config.get("sliding_window")
        return stated if isinstance(stated, int) and stated > 0 else window

    def cells_of(self, window: int | None) -> Any:
        """Cells of one stream in a layer with this window, which also has room for a micro-batch."""
        if window is None or self.deployment.options.swa_full:
            return self.cells
        held = window * (self.sequences if self.unified else 1) + self.micro_batch
        return round_up(smaller(self.cells, held), CELLS)

    def rows_of(self, every: int) -> Any:
        """Rows of one stream, each of which stands for so many cells."""
        return round_up(-(-self.cells // every), CELLS)

    def cell_factors(self, window: int | None) -> tuple[Factor, ...]:
        """Streams and cells, named for what decides them."""
        window = self.window_of(window)
        note = f"multiple of {CELLS}"
        if window is not None:
            note = f"window of {window:,} and a micro-batch, {note}"
        cells = Factor("cells", self.cells_of(window), Lever.WORKLOAD, note)
        return (cells,) if self.unified else (Factor("streams", self.streams, Lever.WORKLOAD, "one a sequence"), cells)


def padded(label: str, factors: tuple[Factor, ...], step: int, source: str = "", part: str = "") -> tuple[Term, ...]:
    """A tensor as terms: its values and, where its bytes are no multiple of `step`, what fills it up."""
    values = Term(label, factors, source, part)
    return (values, *padding(label, values.bytes, step, source, part))


def padding(label: str, size: Number, step: int, source: str = "", part: str = "") -> tuple[Term, ...]:
    """What fills a tensor of this size up to a multiple of `step` bytes; nothing where that is nothing."""
    gap: Any = round_up(size, step) - size
    if isinstance(gap, int) and gap == 0:
        return ()
    filled = Factor("bytes", gap, Lever.ENGINE, f"up to a multiple of {step}")
    return (Term(f"{label}: padding", (filled,), source, part),)
