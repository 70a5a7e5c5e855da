"""The moments of an indexer: it scores all tokens for each new one in float32, and the chosen ones make a mask."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.sparse_attention import IndexedLatentAttention
from ...units import round_up, smaller, where
from .live import BOOL, FLOAT32, INT32, INT64, Forward, Held, only_where, times, width

SCORES = "modeling_deepseek_v32.py DeepseekV32Indexer.forward"
POOLS = "modeling_glm5_next.py Glm5NextTextIndexer.forward"
DEFAULT_TOPK = 2048
"""Tokens that are chosen unless the file says otherwise (configuration_deepseek_v32.py)."""


def chosen_tokens(forward: Forward, label: str) -> Term:
    """The tokens that each new one attends to."""
    most = forward.stated("index_topk", DEFAULT_TOPK)
    chosen = Factor("chosen tokens", smaller(forward.context, most), Lever.MODEL, f"at most {most:,}")
    return Term(label, (*forward.new, chosen, INT32))


def indexer_moments(forward: Forward, mixer: IndexedLatentAttention, held: Held) -> Iterator[Moment]:
    """Scores of all tokens by all heads of the indexer. `held`: all of the attention but its output."""
    heads, size = width("indexer heads", mixer.index_n_heads), width("indexer head size", mixer.index_head_dim)
    rotated = width("rotated values", mixer.qk_rope_head_dim)
    if mixer.index_kpool:
        yield from _pool_moments(forward, mixer, held)
        return
    keys = Factor("tokens attended to", forward.context, Lever.WORKLOAD)
    batch = forward.deployment.workload.batch_size
    around = (*held, forward.per_token("indexer queries", heads, size))
    if mixer.qk_rope_head_dim:
        around = (
            *around,
            forward.per_token("indexer queries, rotated", heads, size),
            forward.per_token("rotated part of the indexer queries", heads, rotated),
            forward.per_token("indexer key", size),
            forward.per_token("rotated part of the indexer key", rotated),
        )
    if mixer.qk_rope_head_dim and forward.cache == "none":
        around = (*around, forward.per_token("indexer key, rotated", size))

    def scores(label: str, count: int, note: str) -> Term:
        return Term(label, (*forward.new, heads, keys, *times(count, note), FLOAT32))

    several = where(batch > 1, 1, 0) if forward.is_prefill else 0
    needed = Factor("needed", several, Lever.WORKLOAD, "for several sequences")
    copies = (
        *_copies(
            forward,
            forward.per_token("indexer queries in float32", heads, size, size=FLOAT32),
            Term("indexer keys in float32", (forward.sequences, keys, size, FLOAT32)),
        ),
        Term("indexer keys for every new token", (*forward.new, keys, size, needed, FLOAT32)),
    )
    yield Moment("scores of the indexer", (*around, *copies, scores("scores", 1, "")), SCORES)
    yield Moment("positive scores of the indexer", (*around, scores("scores", 2, "scaled, positive")), SCORES)


def _copies(forward: Forward, *copies: Term) -> Held:
    """Copies in float32, where not all is float32 already."""
    return () if forward.is_float32 else copies


def _pool_moments(forward: Forward, mixer: IndexedLatentAttention, held: Held) -> Iterator[Moment]:
    """Keys are gathered into pools, of which each is scored once (modeling_glm5_next.py Glm5NextTextIndexer.forward)."""
    heads, size = width("indexer heads", mixer.index_n_heads), width("indexer head size", mixer.index_head_dim)
    keys = Factor("tokens attended to", forward.context, Lever.WORKLOAD)
    pools = Factor("pools", forward.context // mixer.index_kpool, Lever.WORKLOAD, f"of {mixer.index_kpool} tokens")
    gathered = Factor("tokens of all pools", round_up(forward.context, mixer.index_kpool), Lever.WORKLOAD)
    scores = Term("scores of pools", (*forward.new, heads, pools, FLOAT32))
    rows = (forward.sequences, gathered)
    begun = Factor("pools", gathered.value // mixer.index_kpool, Lever.WORKLOAD, "the last one, too")
    around = (
        *held,
        forward.per_token("indexer queries", heads, size),
        forward.per_token("indexer key and gate", size, count=2, note="key, gate"),
        forward.per_token("which tokens are no padding, in 16 bits"),
        Term("tokens that are seen", (*forward.new, keys, BOOL)),
        Term("keys that are no padding", (forward.sequences, keys, BOOL)),
    )
    parts = (
        Term("keys and gates of pools", (*rows, size, *times(2, "keys, gates"), forward.value)),
        Term("weights in pools", (*rows, size, *times(3, "masked, softmax, its numbers"), FLOAT32)),
        Term("places of pools", (*rows, *times(2, "clamped, masked"), INT64)),
        Term("offsets of pools", (gathered, INT64)),
        Term("which places hold a token", (*rows, BOOL)),
        Term("which pools are whole", (forward.sequences, begun, BOOL)),
        Term("which keys are no padding", (forward.sequences, keys, BOOL)),
        Term("first keys, sequences", (forward.sequences, *times(2, "first keys, sequences"), INT64)),
    )
    yield Moment("pools of keys", (*around, *parts), POOLS)
    pooled = (
        Term("keys of pools", (forward.sequences, pools, size, forward.value)),
        Term("tokens of pools", (forward.sequences, pools, width("tokens of a pool", mixer.index_kpool), INT64)),
        Term("which pools are whole", (forward.sequences, pools, BOOL)),
    )
    copies = _copies(
        forward,
        forward.per_token("indexer queries in float32", heads, size, size=FLOAT32),
        Term("keys of pools in float32", (forward.sequences, pools, size, FLOAT32)),
    )
    yield Moment("scores of the indexer", (*around, *pooled, *copies, scores), POOLS)
    most = width("chosen tokens", forward.stated("index_topk", DEFAULT_TOPK))
    counted = (
        Term("tokens that are seen, counted", (*forward.new, keys, INT64)),
        forward.per_token("places of chosen tokens", most, count=2, note="of pools, masked", size=INT64),
    )
    yield Moment("tail of the chosen tokens", (*around, *pooled, scores, *counted), POOLS)


def index_masks(forward: Forward, mixer: IndexedLatentAttention) -> Held:
    """The chosen tokens, what is not chosen, and the mask of both."""
    keys = Factor("tokens attended to", forward.context, Lever.WORKLOAD)
    size = forward.value if forward.is_eager else BOOL
    if mixer.index_kpool:
        most = width("chosen tokens", forward.stated("index_topk", DEFAULT_TOPK) + mixer.index_kpool - 1)
        return forward.per_token("chosen tokens", most, size=INT32), Term("mask of both", (*forward.new, keys, size))
    return (
        chosen_tokens(forward, "chosen tokens"),
        Term("tokens that are not chosen", (*forward.new, keys, BOOL)),
        Term("mask of the chosen tokens", (*forward.new, keys, size)),
    )


def masked_attention(forward: Forward, held: Held, output: Term, source: str) -> Iterator[Moment]:
    """The kernel that takes a mask, in 16 bits and padded."""
    exact = Factor("tokens attended to", forward.context, Lever.WORKLOAD)
    padded = Factor("tokens attended to", round_up(forward.context, 16), Lever.WORKLOAD, "in steps of 16")
    mask, unpadded = (Term("16-bit mask", (*forward.new, keys, forward.value)) for keys in (padded, exact))
    rng = Term("random state of the kernel", (Factor("bytes", 16, Lever.ENGINE),))
    yield Moment("attention with a mask", (*held, mask, output, rng), source)
    padding = Moment("padding of the mask", (*held, unpadded, mask), source)
    yield from only_where(exact.value % 16 != 0, padding)
