"""Attention to blocks of tokens that an indexer picks: scores in float32, then a mask for each head (MiniMax-M3)."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.sparse_attention import BlockSparseAttention
from ...units import round_up, smaller, where
from .dynamic_masks import attention_with_masks
from .kept import mask_needed
from .live import BOOL, FLOAT32, INT64, Forward, Held, only_where, times, width

SCORES = "modeling_minimax_m3_vl.py MiniMaxM3VLIndexer.forward"
MASK = "modeling_minimax_m3_vl.py MiniMaxM3VLIndexer.build_block_mask"


def picked_block_moments(forward: Forward, mixer: BlockSparseAttention, held: Held, repeated: Held) -> Iterator[Moment]:
    """Moments behind the cache update. `repeated`: keys and values copied to all query heads."""
    yield from _scoring(forward, mixer, held)
    heads, keys = width("indexer heads", mixer.index_n_heads), forward.keys(None)
    blocks = round_up(keys.value, mixer.index_block_size) // mixer.index_block_size
    most = smaller(blocks, mixer.index_topk_blocks)
    ids = (heads, Factor("picked blocks", most, Lever.MODEL, f"at most {mixer.index_topk_blocks:,}"))
    picked = forward.per_token("picked blocks", *ids, size=INT64)
    given = 1 if forward.is_eager else mask_needed(forward, "full", None)
    needed = Factor("needed", where(given, 0, 1), Lever.ENGINE, "unless a mask is given")
    pairs = (*forward.new, width("query heads", mixer.num_attention_heads), keys)
    parts = (
        forward.per_token("picked blocks, none told apart", *ids, size=INT64),
        forward.per_token("which blocks are picked", heads, Factor("blocks and one", blocks + 1, Lever.WORKLOAD)),
        Term("which tokens each head attends to", (*pairs, *times(3, "picked, and before, not so"), BOOL)),
        Term("mask of each head", (*pairs, *times(2, "zeros, masked"), forward.value)),
    )
    before = (
        Term("which tokens are before", (*forward.new, keys, *(() if forward.is_eager else (needed,)), BOOL)),
        Term("numbers of the tokens", (keys, needed, INT64)),
    )
    yield Moment("mask of the picked blocks", (*held, picked, *parts, *before), MASK)
    mask = Term("mask of each head", (*pairs, forward.value))
    yield from attention_with_masks(forward, mixer, (*held, picked, mask), repeated)


def _scoring(forward: Forward, mixer: BlockSparseAttention, held: Held) -> Iterator[Moment]:
    """All tokens scored by all heads of the indexer; the scores are filled up to whole blocks."""
    heads, size = width("indexer heads", mixer.index_n_heads), width("indexer head size", mixer.index_head_dim)
    keys, block = forward.keys(None), mixer.index_block_size
    held = (*held, forward.per_token("indexer queries", heads, size))
    if forward.cache == "none":
        held = (*held, forward.per_token("indexer key", size))

    def scores(label: str, tokens: Factor) -> Term:
        return Term(label, (*forward.new, heads, tokens, FLOAT32))

    copies = (
        forward.per_token("indexer queries in float32", heads, size, size=FLOAT32),
        forward.per_key("indexer keys in float32", None, size, size=FLOAT32),
    )
    alone = (*held, *(() if forward.is_float32 else copies), scores("scores", keys))
    yield Moment("scores of the indexer", alone, SCORES)
    for_heads = forward.per_key("indexer keys for all heads", None, heads, size, size=FLOAT32)
    batched = Moment("scores of the indexer, batched", (*alone, for_heads), SCORES)
    yield from only_where((forward.sequences.value > 1) & (mixer.index_n_heads > 1), batched)
    later = Term("which tokens are later", (*forward.new, keys, BOOL)), Term("numbers of the tokens", (keys, INT64))
    masked = (*held, *later, scores("scores of tokens before", keys))
    yield Moment("masking of the scores", (*masked, scores("scores", keys)), SCORES)
    whole = Factor("tokens of all blocks", round_up(keys.value, block), Lever.WORKLOAD, f"of {block:,} tokens")
    filled = Moment("filling of the blocks", (*masked, scores("scores of whole blocks", whole)), SCORES)
    yield from only_where(keys.value % block != 0, filled)
