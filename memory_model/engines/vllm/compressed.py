"""DeepSeek-V4's pages: compressed rows, windows and the states of compressors take blocks of one pool.

Every block has one size. Layers form groups, and a block serves one group at a time, so that the widest decides how large
it is. States of compressors are kept for as many tokens as a window: those of the steps in flight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mode
from typing import Any

from ...amount import Factor, Lever, Term
from ...blocks.compressed_attention import CompressedAttention
from ...deployment import Deployment
from ...errors import InputError
from ...model_shape import ModelShape
from ...units import round_up, smaller

ROWS, WINDOW = 256, 64
"""Tokens of a block of compressed rows (`--block-size`), and of windows (mla/sparse_swa.py)."""
STATES = {4: 4, 128: 8}
"""Tokens of a block of states, by how many tokens a compressor joins (models/deepseek_v4/compressor.py)."""
SCALED, ALIGNED, INDEX_SCALE = 72, 576, 4
"""fp8_ds_mla: 64 of a row's values in 16 bits and 8 bytes of scales, pages in multiples (kv_cache_interface.py,
attention.py); a key of the indexer has one scale in float32."""
SOURCE = "v1/core/kv_cache_utils.py group_and_unify_kv_cache_specs, models/deepseek_v4/compressor.py"


@dataclass(frozen=True, slots=True)
class Group:
    """Layers that take blocks together."""

    label: str
    block: int
    """Tokens of a block."""
    pages: tuple[int, ...]
    """Bytes that each of its caches has in a block."""
    window: int | None = None

    def blocks(self, tokens: Any, in_flight: int) -> Any:
        """Blocks of one sequence: of a window, what it sees and the tokens in flight, and one that it begins in."""
        if self.window is None:
            return round_up(tokens, self.block) // self.block
        return round_up(smaller(tokens, self.window - 1 + in_flight), self.block) // self.block + 1


def is_compressed(stage: ModelShape) -> bool:
    """Whether a stage has DeepSeek-V4's attention."""
    return any(isinstance(group.mixer, CompressedAttention) for group in stage.layers)


def block_terms(deployment: Deployment, stage: ModelShape, in_flight: int) -> Iterator[Term]:
    """What one stage's groups take of the pool on each of its GPUs, whole blocks."""
    found = groups(stage, deployment.cache_format.key.name == "fp8")
    size = Factor(
        "bytes of a block", block_bytes(found, deployment), Lever.ENGINE, "as the widest group of layers needs"
    )
    for group in found:
        blocks = group.blocks(deployment.workload.context_length, in_flight)
        held = Factor("blocks", blocks, Lever.WORKLOAD, f"of {group.block} tokens")
        kind = "full attention" if group.window is None else f"window of {group.window:,}"
        yield Term(f"{group.label}, {kind}", (deployment.workload.sequences, held, size), SOURCE, kind)


def block_bytes(found: list[Group], deployment: Deployment) -> int:
    """Bytes of a block: the widest group's, or, where pages of groups lie over one another, the most of each size."""
    if deployment.engine.facts.constants["dense_blocks"]:
        return max(sum(group.pages) for group in found)
    sizes = sorted(set(found[0].pages))
    fitted = [[next((size for size in sizes if size >= page), page) for page in group.pages] for group in found]
    return sum(
        size * max(pages.count(size) for pages in fitted) for size in {page for pages in fitted for page in pages}
    )


def groups(stage: ModelShape, packed: bool) -> list[Group]:
    """The groups of a stage's layers: compressed rows, windows in equal groups, states by rate.

    Raises InputError for a compressor that vLLM has no states for.
    """
    layers = [
        group.mixer for group in stage.layers for _ in group.layers if isinstance(group.mixer, CompressedAttention)
    ]
    rows = [page for mixer in layers if mixer.compress_rate for page in _rows(mixer, packed)]
    states = []
    for rate in sorted({mixer.compress_rate for mixer in layers} - {0}):
        if rate not in STATES:
            known = " and ".join(map(str, STATES))
            raise InputError(f"model: vLLM compresses {known} tokens into a row, not {rate}; use transformers")
        alike = [mixer for mixer in layers if mixer.compress_rate == rate]
        pages = tuple(page for mixer in alike for page in _states(mixer, packed))
        seen = rate * (2 if alike[0].index_n_heads else 1)
        states.append(Group(f"states of compressors of {rate}", STATES[rate], pages, seen))
    windows = [_page(WINDOW * _row(mixer.head_dim, packed), packed) for mixer in layers]
    counts = [mode(map(rows.count, set(rows)))] if rows else []
    counts += [len(windows), *(group.pages.count(group.pages[0]) for group in states)]
    number = -(-len(windows) // _alike(counts))
    found = [Group("windows", WINDOW, tuple(windows[i::number]), layers[0].window) for i in range(number)]
    return [*([Group("compressed rows", ROWS, tuple(rows))] if rows else []), *found, *states]


def _alike(counts: list[int]) -> int:
    """How many layers a group has so that the least is padded, the first being whole; the larger of two as good."""
    return min(range(counts[0], max(counts) + 1), key=lambda size: (sum(-count % size for count in counts), -size))


def _row(head_dim: int, packed: bool) -> int:
    return head_dim + SCALED if packed else 2 * head_dim


def _page(size: int, packed: bool) -> int:
    return round_up(size, ALIGNED) if packed else size


def _rows(mixer: CompressedAttention, packed: bool) -> Iterator[int]:
    held = ROWS // mixer.compress_rate
    yield _page(held * _row(mixer.head_dim, packed), packed)
    if mixer.index_n_heads:
        yield _page(held * (mixer.index_head_dim + INDEX_SCALE), packed)


def _states(mixer: CompressedAttention, packed: bool) -> Iterator[int]:
    """Sums and scores in float32, twice where windows overlap."""
    held, each = STATES[mixer.compress_rate], 2 * 4 * (2 if mixer.index_n_heads else 1)
    yield _page(held * each * mixer.head_dim, packed)
    if mixer.index_n_heads:
        yield _page(held * each * mixer.index_head_dim, packed)
