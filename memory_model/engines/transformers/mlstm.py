"""The moments of mLSTM without the xlstm package: a layer's state in float32, and what updates it."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.mlstm import Mlstm
from ...units import where
from .live import FLOAT32, Forward, Held, only_where, width

STEP = "modeling_xlstm.py mlstm_recurrent_step_native"
CHUNK = 64
"""Tokens from which on prompts are read in chunks, whose logits outweigh all else."""


def mlstm_moments(forward: Forward, mixer: Mlstm, held: Held) -> Iterator[Moment]:
    """The update of the last layer's state, token by token; the state of the layer before is still alive."""
    keys, values = width("query and key width", mixer.qk_dim), width("value width", mixer.v_dim)
    heads = width("heads", mixer.num_heads)
    matrix = (forward.sequences, keys, width("values of a head", mixer.v_dim // mixer.num_heads))
    steps = Factor("tensors", 5, Lever.ENGINE, "of the layer before, old, decayed, added, new")
    vectors = Factor("tensors", 2, Lever.ENGINE, "of the layer before, old")
    scalars = Factor("bytes", 22, Lever.ENGINE, "maxima, decays, gates")
    several = Factor("several tokens", where(forward.call.new > 1, 1, 0), Lever.WORKLOAD)
    before = Factor("tokens before the last", forward.call.new - 1, Lever.WORKLOAD)
    terms = (
        forward.per_token("queries, keys", keys, count=2, note="queries, keys"),
        forward.per_token("values, output gate", values, count=2, note="values, gate"),
        forward.per_token("gates of the memory", heads, count=2, note="input, forget"),
        Term("scaled queries", (forward.sequences, keys, forward.value)),
        Term("memory in float32", (*matrix, steps, FLOAT32)),
        Term("its scales in float32", (forward.sequences, keys, vectors, FLOAT32)),
        Term("scalars of the heads", (forward.sequences, heads, scalars)),
        forward.per_token("queries and keys by head", keys, several, count=2, note="queries, keys"),
        forward.per_token("values by head", values, several),
        forward.per_token("gates by head", heads, several, count=2, note="input, forget"),
        Term("outputs, a list", (forward.sequences, before, values, forward.value)),
    )
    yield from only_where(forward.call.new < CHUNK, Moment("update of the memory", (*held, *terms), STEP))
