"""The moments before the cache is updated: norms of queries and keys, and their rotation to positions."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Moment, Term
from ...blocks.attention import LAYER_NORMS, Attention
from .falcon import unpacked
from .gating import projected_gate
from .live import FLOAT32, Forward, Held, cached_key_width, width


def projections(forward: Forward, mixer: Attention) -> Held:
    """Queries, keys and values as they were projected."""
    return (
        forward.per_token("query projection", width("query width", mixer.query_width)),
        forward.per_token("key projection", width("key width", mixer.key_width)),
        forward.per_token("value projection", width("value width", mixer.value_width)),
    )


def rotates(forward: Forward, mixer: Attention) -> bool:
    """Whether a layer's queries and keys are rotated at all."""
    everywhere = not forward.code.rope_in_windows_only or mixer.window is not None
    return forward.code.rope != "none" and bool(mixer.rotary_dim) and everywhere


def rotated_parts(forward: Forward, mixer: Attention) -> Held:
    """The rotated values of queries and keys where only a part of each head is rotated."""
    q, k = (width(f"rotated values of {x}", n * mixer.rotary_dim) for x, n in _heads(mixer))
    return forward.per_token("rotated part of the queries", q), forward.per_token("rotated part of the keys", k)


def _heads(mixer: Attention) -> tuple[tuple[str, int], tuple[str, int]]:
    return ("queries", mixer.num_attention_heads), ("keys", mixer.num_key_value_heads)


def moments_before_the_cache(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    """Projections, their norms, and the rotation; `held` counts the layer's cache as not written yet."""
    if forward.code.unpacks and rotates(forward, mixer):
        yield from _unpacked_rotations(forward, mixer, held)
    if mixer.fused and forward.code.rotates_views:
        total = width("query, key and value width", mixer.query_width + 2 * mixer.key_width)
        yield from _rotations(forward, mixer, (*held, forward.per_token("fused projection", total)))
    if mixer.fused or forward.code.rope == "none":
        return
    yield from _norms(forward, mixer, held)
    if forward.code.rope_one_by_one:
        q = width("query width", mixer.query_width)
        parts = "normed, times cos, rotated half, times sin"
        turning = forward.per_token("queries being rotated", q, count=4, note=parts)
        yield Moment("rotation of queries", (*held, turning))
    elif rotates(forward, mixer):
        before = (*projections(forward, mixer), *projected_gate(forward, mixer), *repeated_tables(forward, mixer))
        yield from _rotations(forward, mixer, (*held, *before))


def repeated_tables(forward: Forward, mixer: Attention) -> Held:
    """cos and sin with every value twice, where pairs of neighbours are rotated (`repeat_interleave` in each layer)."""
    if not forward.code.rope_tables_repeated:
        return ()
    values = width("rotated values", forward.code.rotated_values(mixer))
    size = forward.table_value
    return (forward.per_token("cos and sin tables, each value twice", values, count=2, note="cos, sin", size=size),)


def _rotations(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    code = forward.code
    q, k = width("query width", mixer.query_width), width("key width", mixer.key_width)
    if code.rope == "recast":
        yield from _recast(forward, held, q, k)
    elif code.rope in ("half", "float32", "upcast", "upcast whole"):
        size = forward.value if code.rope == "half" else FLOAT32
        parts = "times cos, times sin, sum" if code.rope == "float32" else "times cos, rotated half, times sin"
        if code.rope.startswith("upcast") and not forward.is_float32:
            both = (
                forward.per_token("queries in float32", q, size=FLOAT32),
                forward.per_token("keys in float32", k, size=FLOAT32),
            )
            tables = width("rotated values", code.rotated_values(mixer))
            copies = forward.per_token("cos and sin in float32", tables, count=2, note="cos, sin", size=FLOAT32)
            held = (*held, *both, *((copies,) if code.rope == "upcast whole" else ()))
        turned = forward.per_token("rotated queries", q, size=size)
        yield Moment(
            "rotation of queries",
            (*held, forward.per_token("queries being rotated", q, count=3, note=parts, size=size)),
        )
        yield Moment(
            "rotation of keys",
            (*held, turned, forward.per_token("keys being rotated", k, count=3, note=parts, size=size)),
        )
    elif code.rope == "partial":
        part_q, part_k = rotated_parts(forward, mixer)
        joined_q, joined_k = forward.per_token("joined queries", q), forward.per_token("joined keys", k)
        yield Moment("joining of rotated queries", (*held, part_q, part_k, joined_q))
        yield Moment("joining of rotated keys", (*held, part_k, joined_q, joined_k))


def _recast(forward: Forward, held: Held, q: Factor, k: Factor) -> Iterator[Moment]:
    """Queries are cast to float32 once for each product: modeling_modernbert_decoder.py apply_rotary_pos_emb."""

    def turning(name: str, whole: Factor) -> Held:
        half = width(f"half of the {whole.name}", int(whole.value) // 2)
        parts = "times cos, in float32, rotated half"
        return (
            forward.per_token(f"{name} being rotated", whole, count=3, note=parts, size=FLOAT32),
            forward.per_token(f"negated half of the {name}", half, size=FLOAT32),
        )

    yield Moment("rotation of queries", (*held, *turning("queries", q)))
    turned = forward.per_token("rotated queries in float32", q, size=FLOAT32)
    yield Moment("rotation of keys", (*held, turned, *turning("keys", k)))


def _unpacked_rotations(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    q, k = width("query width", mixer.query_width), width("cached key width", cached_key_width(mixer))
    fused = width("query, key and value width", mixer.query_width + 2 * mixer.key_width)
    held = (*held, forward.per_token("fused projection", fused), *unpacked(forward, mixer))
    parts = "times cos, rotated half, times sin"
    yield Moment("rotation of queries", (*held, forward.per_token("queries being rotated", q, count=3, note=parts)))
    turned = forward.per_token("rotated queries", q)
    keys = forward.per_token("keys being rotated", k, count=3, note=parts)
    yield Moment("rotation of keys", (*held, turned, keys))


def _norms(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    code = forward.code
    if not mixer.qk_norm or mixer.qk_norm in LAYER_NORMS:  # whose copies are no more than those of the rotation
        return
    q = width("query width", mixer.query_width)
    heads = width("query heads", mixer.num_attention_heads) if mixer.qk_norm != "full" else None
    each = () if heads is None else (heads,)
    only_q = forward.per_token("query projection", q)
    if mixer.output_gate:
        held = (*held, forward.per_token("output gate and its copy", q, count=2, note="projected, copied"))
    if code.qk_norm_when != "each":
        held = (*held, *projected_gate(forward, mixer))
    before = {"each": (only_q,), "all": projections(forward, mixer), "rotated": _rotated(forward, mixer)}
    held = (*held, *before[code.qk_norm_when])
    copies = forward.per_token("queries in float32", q, count=2, note="input and product", size=FLOAT32)
    if code.norm == "bare":
        yield Moment("norm of queries", (*held, copies, forward.per_token("inverse root", *each, size=FLOAT32)))
    elif code.norm == "gemma":
        yield Moment("norm of queries", (*held, copies, forward.per_token("inverse root", *each, size=FLOAT32)))
        weight = Term("1 + weight", (width("head size", mixer.head_dim), FLOAT32))
        yield Moment("norm of queries, weight", (*held, copies, weight))
    elif code.norm == "late":
        mean = forward.per_token("mean square", *each, size=FLOAT32)
        yield Moment("norm of queries", (*held, copies, forward.per_token("normed queries", q), mean))
    elif code.norm in ("rms", "wide"):
        means = forward.per_token("mean square and inverse root", *each, count=2, size=FLOAT32)
        yield Moment("norm of queries", (*held, copies, means))
        if code.norm == "wide":
            weight = Term("weight in float32", (width("head size", mixer.head_dim), FLOAT32))
            yield Moment("norm of queries, weight", (*held, copies, weight))


def _rotated(forward: Forward, mixer: Attention) -> Held:
    return (
        forward.per_token("rotated queries", width("query width", mixer.query_width)),
        forward.per_token("rotated keys", width("key width", mixer.key_width)),
        forward.per_token("value projection", width("value width", mixer.value_width)),
    )
