"""The moments of Kimi Delta Attention without its optional kernels: a decay for every channel and pair of tokens."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.kimi_delta import KimiDeltaAttention
from ...units import round_up
from .live import BOOL, FLOAT32, Forward, Held, convolved_before, times, width

CHUNK = 64
"""Tokens that a prefill processes together (chunk_size of chunk_kimi_delta_attention)."""
SCAN = "modeling_kimi_linear.py chunk_kimi_delta_attention, without the fla package"
STEP = "modeling_kimi_linear.py recurrent_kimi_delta_attention, without the fla package"


def kimi_delta_moments(forward: Forward, mixer: KimiDeltaAttention, held: Held, unwritten: Held) -> Iterator[Moment]:
    """Moments of a delta rule that decays by channel. `unwritten`: its state, which is cached after the scan."""
    heads, size = width("heads", mixer.num_heads), width("head size", mixer.head_dim)
    decay = Factor("bytes per value", 4 if forward.is_float32 else forward.code.decay_bytes, Lever.ENGINE)
    around = (
        *held,
        forward.per_token("convolved queries, keys and values", width("channels", 3 * mixer.width)),
        convolved_before(forward, 3 * mixer.width, mixer.conv_kernel),
        forward.per_token("logarithm of decay", width("channels", mixer.width), size=decay),
        forward.per_token("strength of the update", heads),
    )
    if forward.is_prefill:
        yield from _chunk_scan(forward, mixer, (*around, *unwritten))
        return
    parts = "state, decayed, update, sum"
    states = forward.per_token("states", heads, size, size, count=3, note=parts, size=FLOAT32)
    copied = () if forward.is_float32 else (forward.per_token("strength in float32", heads, size=FLOAT32),)
    count = 6 if forward.is_float32 else 7 if decay.value == 4 else 8  # what is float32 already is not copied
    note = "queries, keys, values, decay, output, what the state answers, its error"
    rows = forward.per_token("rows in float32", heads, size, count=count, note=note, size=FLOAT32)
    yield Moment("state update", (*around, states, rows, *copied), STEP)


def _chunk_scan(forward: Forward, mixer: KimiDeltaAttention, around: Held) -> Iterator[Moment]:
    heads, size = width("heads", mixer.num_heads), width("head size", mixer.head_dim)
    padded = round_up(forward.call.new, CHUNK)
    tokens = Factor("tokens", padded, Lever.WORKLOAD, f"in chunks of {CHUNK}")
    chunks = Factor("chunks", padded // CHUNK, Lever.WORKLOAD, f"of {CHUNK} tokens")
    side = width("tokens of a chunk", CHUNK)

    def tensor(label: str, *dimensions: Factor, count: int = 1, note: str = "") -> Term:
        return Term(label, (forward.sequences, heads, tokens, *dimensions, *times(count, note), FLOAT32))

    yield Moment(
        "decay between all tokens of a chunk",
        (
            *around,
            tensor("products of keys", side, size, count=3, note="decay, keys by keys, decayed"),
            tensor("rows", size, count=6, note="queries, keys, values, both times strength, running decay"),
            tensor("strength"),
            Term("masks of a chunk", (side, side, *times(2, "two"), BOOL)),
        ),
        SCAN,
    )
    one = (forward.sequences, heads, side)
    solved = Factor("values of the last row solved", CHUNK * (CHUNK - 1), Lever.ENGINE, "63 × 63, and 63")
    yield Moment(
        "decay of the first chunk, applied",
        (
            *around,
            tensor("decay", side, size),
            Term("queries by keys of a chunk", (*one, side, size, *times(2, "as they are, decayed"), FLOAT32)),
            tensor("rows", size, count=8, note="queries, keys, both times strength, values, decays, output"),
            Term("what the state answers", (*one, size, FLOAT32)),
            tensor("keys by keys", side),
            tensor("strength"),
            Term("state", (forward.sequences, heads, size, size, forward.first, FLOAT32)),
            Term("last row of a chunk", (forward.sequences, heads, chunks, solved, FLOAT32)),
            Term("masks of a chunk", (side, side, *times(2, "two"), BOOL)),
        ),
        SCAN,
    )
