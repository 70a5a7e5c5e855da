"""The moments of Mamba-2 without its optional kernels: matrices between all tokens of a chunk, in float32."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.mamba2 import Mamba2
from ...units import round_up, where
from .live import FLOAT32, Forward, Held, convolved_before, times, width

SCAN = "modeling_mamba2.py mamba2_chunk_scan, without the mamba_ssm package"
STEP = "modeling_mamba2.py mamba2_selective_state_update, without the mamba_ssm package"


def mamba2_moments(forward: Forward, mixer: Mamba2, held: Held, unwritten: Held) -> Iterator[Moment]:
    """Moments of a state space in heads. `unwritten`: its state, which is cached after the scan."""
    heads = width("heads", mixer.num_heads)
    always = (
        *held,
        forward.per_token(
            "input projection", width("projected values", mixer.d_inner + mixer.conv_dim + mixer.num_heads)
        ),
        forward.per_token("convolved values", width("channels", mixer.conv_dim)),
        convolved_before(forward, mixer.conv_dim, mixer.conv_kernel),
        Term("rates of decay", (heads, FLOAT32)),
    )
    if forward.is_prefill:
        around = (*always, *unwritten, forward.per_token("time step", heads))
        yield from _chunk_scan(forward, mixer, around)
        return
    state = (heads, width("head size", mixer.head_dim), width("state size", mixer.d_state))
    yield Moment(
        "state update",
        (
            *always,
            forward.per_token("states in float32", *state, count=3, note="decay, decayed, sum", size=FLOAT32),
            forward.per_token("states in 16 bits", *state, count=2, note="B times step, its product"),
            forward.per_token("B of all heads", heads, width("state size", mixer.d_state)),
            forward.per_token("time step of all channels", width("channels", mixer.d_inner)),
        ),
        STEP,
    )


def _chunk_scan(forward: Forward, mixer: Mamba2, held: Held) -> Iterator[Moment]:
    chunk = forward.chunk
    padded = round_up(forward.call.new, chunk)
    tokens = Factor("tokens", padded, Lever.WORKLOAD, f"in chunks of {chunk}")
    chunks = Factor("chunks", padded // chunk, Lever.WORKLOAD, f"of {chunk} tokens")
    borders = Factor("borders of chunks", padded // chunk + 1, Lever.WORKLOAD)
    heads, size = width("heads", mixer.num_heads), width("head size", mixer.head_dim)
    state, side = width("state size", mixer.d_state), width("tokens of a chunk", chunk)

    def tensor(label: str, *dimensions: Factor, count: int = 1, note: str = "") -> Term:
        return Term(label, (forward.sequences, *dimensions, *times(count, note), FLOAT32))

    always = (
        *held,
        tensor("B and C of all heads", tokens, heads, state, count=2, note="B, C"),
        tensor("inputs, times step and times D", tokens, heads, size, count=2, note="step, D"),
        tensor("logarithms of decay", tokens, heads, count=2, note="each, summed"),
        tensor("matrices of a chunk", chunks, heads, side, side, count=3, note="decay, C times B, product"),
        tensor("outputs within chunks", tokens, heads, size),
        tensor("B, decayed", tokens, heads, state),
        tensor("first state", heads, size, state, forward.first),
        tensor("decay between chunks", heads, borders, borders),
    )
    joined = tensor("states", borders, heads, size, state, count=2, note="joined, passed on")
    several = _needed(forward.sequences.value > 1, "for several sequences")
    reordered = tensor("states, reordered", borders, heads, size, state, several)
    decay = tensor("decay to the border", tokens, heads)
    yield Moment("states at the borders of chunks", (*always, decay, joined, reordered), SCAN)
    after = (
        *always,
        tensor("decay to and from the border", tokens, heads, count=2, note="to, from"),
        tensor("states", borders, heads, size, state),
        tensor("outputs of the states", tokens, heads, size),
    )
    batch = forward.deployment.workload.batch_size
    either = _needed(batch * (padded // chunk) > 1, "for several sequences or chunks")
    many = _needed(padded > chunk, "for several chunks")
    copies = (
        tensor("C, reordered", tokens, heads, state, either),
        tensor("states, reordered", chunks, heads, size, state, many),
    )
    yield Moment("C times states", (*after, *copies), SCAN)
    parts = "decayed, sum, copy"
    yield Moment("sum of the outputs", (*after, tensor("outputs", tokens, heads, size, count=3, note=parts)), SCAN)


def _needed(condition: object, note: str) -> Factor:
    return Factor("needed", where(condition, 1, 0), Lever.WORKLOAD, note)
