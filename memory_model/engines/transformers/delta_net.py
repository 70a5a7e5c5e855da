"""The moments of a gated DeltaNet without its optional kernels: chunks of 64 tokens, in float32."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.delta_net import GatedDeltaNet
from ...units import round_up, where
from .live import BOOL, FLOAT32, Forward, Held, convolved_before, times, width

CHUNK = 64
"""Tokens that a prefill processes together (chunk_size of torch_chunk_gated_delta_rule)."""
SCAN = "modeling_qwen3_next.py torch_chunk_gated_delta_rule, without the fla package"
STEP = "modeling_qwen3_next.py torch_recurrent_gated_delta_rule, without the fla package"


def delta_net_moments(forward: Forward, mixer: GatedDeltaNet, held: Held, unwritten: Held) -> Iterator[Moment]:
    """Moments of a gated delta rule. `unwritten`: its state, which is cached after the scan."""
    heads = width("value heads", mixer.num_value_heads)
    around = (
        *held,
        *_projections(forward, mixer),
        forward.per_token("convolved queries, keys and values", width("channels", mixer.conv_dim)),
        convolved_before(forward, mixer.conv_dim, mixer.conv_kernel),
        forward.per_token("strength of the update", heads),
        forward.per_token("logarithm of decay", heads, size=FLOAT32),
    )
    if forward.is_prefill:
        yield from _chunk_scan(forward, mixer, (*around, *unwritten))
        return
    keys, values = width("key size", mixer.key_head_dim), width("value size", mixer.value_head_dim)
    states = forward.per_token("states", heads, keys, values, count=3, note="decayed, update, sum", size=FLOAT32)
    copies = 0 if forward.is_float32 else 1  # of one token's values and strength, which are contiguous as they are
    rows = (
        forward.per_token("queries and keys in float32", heads, keys, count=2, note="queries, keys", size=FLOAT32),
        forward.per_token(
            "rows in float32",
            heads,
            values,
            count=3 + copies,
            note="values unless they are so already, what is remembered, difference, output",
            size=FLOAT32,
        ),
        forward.per_token("decay and strength in float32", heads, count=1 + copies, note="both", size=FLOAT32),
    )
    yield Moment("state update", (*around, states, *rows), STEP)


def _projections(forward: Forward, mixer: GatedDeltaNet) -> Held:
    if mixer.layout == "separate":
        return ()
    values = width("value width", mixer.value_width)
    heads = width("value heads", mixer.num_value_heads)
    pair = forward.per_token("projections of decay and strength", heads, count=2, note="decay, strength")
    if mixer.layout != "fused":
        return forward.per_token("output gate", values), pair
    all_four = width("queries, keys, values and gate", 2 * mixer.key_width + 2 * mixer.value_width)
    return (
        forward.per_token("input projection", all_four),
        forward.per_token("output gate", values),
        pair,
        forward.per_token("copies of decay and strength", heads, count=2, note="decay, strength"),
    )


def _chunk_scan(forward: Forward, mixer: GatedDeltaNet, held: Held) -> Iterator[Moment]:
    padded = round_up(forward.call.new, CHUNK)
    tokens = Factor("tokens", padded, Lever.WORKLOAD, f"in chunks of {CHUNK}")
    chunks = Factor("chunks", padded // CHUNK, Lever.WORKLOAD, f"of {CHUNK} tokens")
    side = width("tokens of a chunk", CHUNK)
    heads = width("value heads", mixer.num_value_heads)
    keys, values = width("key size", mixer.key_head_dim), width("value size", mixer.value_head_dim)

    def tensor(label: str, *dimensions: Factor, count: int = 1, note: str = "") -> Term:
        return Term(label, (forward.sequences, heads, *dimensions, *times(count, note), FLOAT32))

    always = (
        *held,
        tensor("values", tokens, values, count=3, note="padded, times strength, solved"),
        tensor("output", tokens, values),
        tensor("matrices of a chunk", chunks, side, side, count=3, note="decay, keys by keys, queries by keys"),
        tensor("decay and strength", tokens, count=3, note="strength, decay, its running sum"),
        Term("mask of a chunk", (side, side, BOOL)),
    )
    yield Moment(
        "decay of queries and keys",
        (
            *always,
            tensor(
                "queries and keys", tokens, keys, count=6, note="both padded, times strength, decayed twice, solved"
            ),
            tensor("decay of every token", tokens),
            tensor("state", keys, values, forward.first),
        ),
        SCAN,
    )
    after = (
        *always,
        tensor("queries and keys", tokens, keys, count=5, note="both decayed, times strength, decayed, solved"),
        tensor("decay of a chunk", chunks),
        tensor("values of a chunk", side, values, count=2, note="new, from the state"),
    )
    cached = Factor("needed", where((forward.past > 0) & (padded == CHUNK), 0, 1), Lever.ENGINE, "not the cache's own")
    states = tensor("states", keys, values, count=3, note="decayed, update, sum")
    yield Moment("state of a chunk", (*after, states, tensor("state before", keys, values, cached)), SCAN)
    last_state = () if forward.cache == "none" else (tensor("state", keys, values),)
    yield Moment(
        "copy of the output",
        (*after, *last_state, tensor("output, contiguous", tokens, values)),
        SCAN,
    )
