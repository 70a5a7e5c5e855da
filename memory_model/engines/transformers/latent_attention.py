"""The moments of latent attention: transformers expands the latent rows of all past tokens in every layer and step."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.latent_attention import LatentAttention
from ...blocks.sparse_attention import IndexedLatentAttention
from .attention import EFFICIENT, FLASH
from .eager import eager_moments
from .gating import projected_gate
from .indexer import index_masks, indexer_moments, masked_attention
from .live import FLOAT32, Forward, Held, only_where, width
from .products import output_projection, product_moments, quantised


def latent_moments(forward: Forward, mixer: LatentAttention, held: Held, unwritten: Held) -> Iterator[Moment]:
    """Moments of multi-head latent attention (modeling_deepseek_v3.py DeepseekV3Attention.forward)."""
    both = mixer.query_width + (mixer.output_width if mixer.query_gate else 0)
    projected = forward.per_token("query projection", width("query width", both))
    own = 0 if mixer.shares_kv else mixer.kv_lora_rank + mixer.qk_rope_head_dim
    compressed = forward.per_token("compressed keys and values", width("latent width", own))
    held = (*held, *projected_gate(forward, mixer))
    if mixer.query_gate and mixer.q_lora_rank is not None:
        unnormed = forward.per_token("query latent, not normed", width("query latent size", mixer.q_lora_rank))
        held = (*held, unnormed, forward.per_token("output gate", width("output width", mixer.output_width)))
    yield from _norms(forward, mixer, (*held, *unwritten), (projected, compressed))
    yield from _projections(forward, mixer, (*held, *unwritten), projected)
    rotated: Held = ()
    queries: Held = ()
    if forward.code.rope != "none":
        part = width("rotated width", mixer.num_attention_heads * mixer.qk_rope_head_dim)
        rotated = (forward.per_token("rotated part of the queries", part),)
        queries = (forward.per_token("queries", width("query width", mixer.query_width)),)
    if forward.cache == "dynamic" and not mixer.shares_kv:
        updates = _cache_updates(forward, mixer, (*held, projected, compressed, *rotated))
        for update in updates:
            yield from only_where(forward.past > 0, update)
    latents = (forward.sequences, forward.keys(None))
    before = (*held, projected, compressed, *rotated, *queries)
    yield from product_moments(forward, quantised(forward, mixer, "kv_b_proj"), before, rows=latents)
    around = (*held, compressed, projected, *rotated, *queries, *_expanded(forward, mixer))
    if isinstance(mixer, IndexedLatentAttention):
        if mixer.q_lora_rank is not None:
            around = (*around, forward.per_token("query latent", width("query latent size", mixer.q_lora_rank)))
        yield from indexer_moments(forward, mixer, around)
        around = (*around, *index_masks(forward, mixer))
    yield from eager_moments(forward, mixer, around, ()) if forward.is_eager else _sdpa(forward, mixer, around)


def _expanded(forward: Forward, mixer: LatentAttention) -> Held:
    """Keys and values of all heads and past tokens, made of the latent rows."""
    heads = mixer.num_attention_heads
    both = width("expanded width", heads * (mixer.qk_nope_head_dim + mixer.v_head_dim))
    expanded = forward.per_key("expanded keys and values", None, both)
    keys = forward.per_key("keys of all heads", None, width("query width", mixer.query_width))
    if forward.cache != "none":
        return (expanded, keys)
    latent = width("latent width", mixer.kv_lora_rank + mixer.qk_rope_head_dim)
    return (expanded, keys, forward.per_token("normed latent and rotated key", latent))


def _sdpa(forward: Forward, mixer: LatentAttention, around: Held) -> Iterator[Moment]:
    """The kernel that torch chooses: flash only in 16 bits, where values are as wide as keys and nothing is masked."""
    output = forward.per_token("attention output", width("output width", mixer.output_width))
    yield from output_projection(forward, mixer, around, output)
    if isinstance(mixer, IndexedLatentAttention):
        yield from masked_attention(forward, around, output, EFFICIENT)
        return
    masked = forward.behind_others if forward.is_prefill else forward.cache == "static"
    for moment in masked_attention(forward, around, output, EFFICIENT):
        yield from only_where(masked, moment)
    own_mask = forward.cache == "static" and not forward.is_prefill
    if mixer.v_head_dim != mixer.head_dim or own_mask or forward.is_float32:
        rng = Term("random state of the kernel", (Factor("bytes", 16, Lever.ENGINE),))
        yield Moment("attention", (*around, output, rng), EFFICIENT)
        return
    log_sum_exp = forward.per_token("log-sum-exp", width("query heads", mixer.num_attention_heads), size=FLOAT32)
    yield Moment("attention", (*around, output, log_sum_exp), FLASH)
    copy = forward.per_token("contiguous copy of the output", width("output width", mixer.output_width))
    if forward.is_prefill:
        yield from only_where(forward.past == 0, Moment("copy of the attention output", (*around, output, copy)))


def _projections(forward: Forward, mixer: LatentAttention, held: Held, projected: Term) -> Iterator[Moment]:
    """Products with quantised matrices of new tokens, one after the other."""
    for role in ("q_proj", "q_a_proj"):
        yield from product_moments(forward, quantised(forward, mixer, role), held)
    if mixer.q_lora_rank is not None:
        latent = forward.per_token("query latent", width("query latent size", mixer.q_lora_rank))
        yield from product_moments(forward, quantised(forward, mixer, "q_b_proj"), (*held, latent))
    yield from product_moments(forward, quantised(forward, mixer, "kv_a_proj_with_mqa"), (*held, projected))


def _norms(forward: Forward, mixer: LatentAttention, held: Held, projected: Held) -> Iterator[Moment]:
    def normed(label: str, values: int) -> Held:
        return (
            forward.per_token(
                f"{label} in float32", width("latent size", values), count=2, note="input and product", size=FLOAT32
            ),
            forward.per_token("mean square and inverse root", count=2, note="of each token", size=FLOAT32),
        )

    if mixer.q_lora_rank is not None:
        latent = forward.per_token("query latent", width("query latent size", mixer.q_lora_rank))
        yield Moment("norm of the query latent", (*held, latent, *normed("query latent", mixer.q_lora_rank)))
    if not mixer.shares_kv:
        yield Moment("norm of the latent", (*held, *projected, *normed("latent", mixer.kv_lora_rank)))


def _cache_updates(forward: Forward, mixer: LatentAttention, held: Held) -> Iterator[Moment]:
    before = Factor("tokens before", forward.past, Lever.WORKLOAD)
    rope = width("rotated key size", mixer.qk_rope_head_dim)
    latent = width("latent size", mixer.kv_lora_rank)

    def old(label: str, values: Factor) -> Term:
        return Term(label, (forward.sequences, before, values, forward.value), "cache_utils.py DynamicLayer.update")

    new = forward.per_token(
        "new latent and rotated key", width("latent width", mixer.kv_lora_rank + mixer.qk_rope_head_dim)
    )
    yield Moment(
        "cache update of the rotated keys", (*held, new, old("old rotated keys while new ones are joined", rope))
    )
    only_latent = forward.per_token("new latent", latent)
    yield Moment(
        "cache update of the latent", (*held, only_latent, old("old latent while the new one is joined", latent))
    )
