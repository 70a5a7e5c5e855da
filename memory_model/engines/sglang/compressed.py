"""DeepSeek-V4 in SGLang: compressed rows, and for every tenth token a slot of the windows and of the compressors' states."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from ...amount import Factor, Lever, Term
from ...blocks.compressed_attention import CompressedAttention
from ...deployment import Deployment
from ...model_shape import ModelShape
from ...units import round_up

PAGE, SLOTS_A_ROW = 256, 128 // 8
"""Tokens of a page; slots of the windows for each row of a compressor's state, where its windows overlap."""
SCALED, INDEX_SCALE = 72, 4
"""64 of a row's values in 16 bits and 8 bytes of scales; a key of the indexer has one scale in float32."""


def compressed_terms(deployment: Deployment, stage: ModelShape, windows: Fraction) -> Iterator[Term]:
    """What a stage's compressed attention takes of the pool; the cache format changes nothing."""
    sequences, source = deployment.workload.sequences, "pool_configurator.py DSV4PoolConfigurator"
    tokens = round_up(deployment.workload.context_length, PAGE)
    slots = -(-tokens * windows.numerator // windows.denominator)
    held = Factor("slots of windows", slots, Lever.ENGINE, f"swa_full_tokens_ratio of whole pages of {PAGE} tokens")
    rings = Factor("rows of states", -(-slots // SLOTS_A_ROW), Lever.ENGINE, f"one for {SLOTS_A_ROW} of those slots")
    for group in stage.layers:
        mixer = group.mixer
        if not isinstance(mixer, CompressedAttention):
            continue
        layers = Factor("layers", len(group.layers), Lever.MODEL)
        row = Factor("bytes of a row", mixer.head_dim + SCALED, Lever.ENGINE, "most values in 8 bits")
        yield Term("windows", (sequences, held, layers, row), source, f"window of {mixer.window:,}")
        if not mixer.compress_rate:
            continue
        rows = Factor("rows", tokens // mixer.compress_rate, Lever.MODEL, f"one for {mixer.compress_rate} tokens")
        yield Term("compressed rows", (sequences, rows, layers, row), source, "full attention")
        sums = Factor("bytes of sums and scores", 2 * 4 * mixer.head_dim, Lever.ENGINE, "float32")
        if mixer.index_n_heads:
            key = Factor("bytes of a key", mixer.index_head_dim + INDEX_SCALE, Lever.ENGINE, "8 bits")
            yield Term("indexer keys", (sequences, rows, layers, key), source, "full attention")
            width = mixer.head_dim + mixer.index_head_dim
            twice = Factor("bytes of sums and scores", 2 * 2 * 4 * width, Lever.ENGINE, "float32, of two windows")
            yield Term("states of compressors", (sequences, rings, layers, twice), source, "state")
        else:
            ring = Factor("rows a sequence", mixer.compress_rate, Lever.ENGINE)
            yield Term("states of compressors", (sequences, ring, layers, sums), source, "state")
