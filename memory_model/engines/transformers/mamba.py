"""The moments of Mamba without its optional kernels: the state of every token is written out in float32."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.mamba import Mamba
from ...units import where
from .live import FLOAT32, Forward, Held, convolved_before, only_where, width

SCAN = "modeling_mamba.py mamba_selective_scan, without the mamba_ssm package"
STEP = "modeling_mamba.py mamba_selective_state_update, without the mamba_ssm package"


def mamba_moments(forward: Forward, mixer: Mamba, held: Held, unwritten: Held) -> Iterator[Moment]:
    """Moments of a selective state space. `unwritten`: its state, which is cached after the scan."""
    channels, state = width("channels", mixer.d_inner), width("state size", mixer.d_state)
    together = width("channels scanned at once", mixer.d_inner // mixer.heads)
    parameters = width("time step rank and two state sizes", mixer.heads * (mixer.dt_rank + 2 * mixer.d_state))
    if mixer.heads > 1:
        around = (*held, *unwritten) if forward.is_prefill else held
        yield from only_where(forward.sequences.value > 1, _product_by_head(forward, mixer, around))
    own_norms = mixer.inner_norms or mixer.weightless_norms
    always = (
        *held,
        forward.per_token("channels and gate", channels, count=2, note="channels, gate"),
        forward.per_token("convolved channels", channels),
        convolved_before(forward, mixer.d_inner, mixer.conv_kernel),
        forward.per_token("normed B and C", state, count=2, note="B, C")
        if own_norms
        else forward.per_token("time step, B and C", parameters),
        forward.per_token("time step", channels),
        forward.per_token("time step, softplus", together),
        Term("rates of decay", (channels, state, FLOAT32)),
        *_heads_before(forward, mixer),
    )
    if not forward.is_prefill:
        states = forward.per_token(
            "states", together, state, count=5, note="decay, B times step, its product, decayed, sum", size=FLOAT32
        )
        bias = () if forward.is_float32 else (Term("bias of the time step", (channels, FLOAT32)),)
        yield Moment("state update", (*always, *bias, states), STEP)
        return
    scanned = (
        *always,
        *unwritten,
        forward.per_token("decay, B times step, its product", together, state, count=3, note="", size=FLOAT32),
        *(
            ()
            if forward.is_float32
            else (Term("bias of the time step", (channels, FLOAT32)), Term("D", (together, FLOAT32)))
        ),
    )
    tokens = forward.new[-1].value
    before = Factor("bytes of the state before", where(tokens > 1, 4, int(forward.value.value)), Lever.ENGINE)
    earlier = Factor("tokens before the last", tokens - 1, Lever.WORKLOAD)
    yield Moment(
        "state of the last token",
        (
            *scanned,
            Term("state before", (forward.sequences, together, state, before)),
            Term("state, decayed and new", (forward.sequences, together, state, width("tensors", 2), FLOAT32)),
            Term("outputs, a list", (forward.sequences, earlier, together, forward.value)),
        ),
        SCAN,
    )
    yield Moment(
        "selective scan",
        (
            *scanned,
            Term("last state", (forward.sequences, together, state, FLOAT32)),
            forward.per_token("outputs, and outputs joined", together, count=2, note="a list, one tensor"),
            forward.per_token("inputs times D, sum", together, count=2, note="product, sum", size=FLOAT32),
        ),
        SCAN,
    )


def _heads_before(forward: Forward, mixer: Mamba) -> Held:
    """What is left of the heads that were scanned before the last one: outputs, and states of a prompt."""
    if mixer.heads == 1:
        return ()
    channels = width("channels of the heads before", mixer.d_inner - mixer.d_inner // mixer.heads)
    if not forward.is_prefill:
        return (forward.per_token("outputs of the heads before", channels),)
    return (
        forward.per_token("outputs of the heads before", channels, size=FLOAT32),
        Term("their states", (forward.sequences, channels, width("state size", mixer.d_state), FLOAT32)),
    )


def _product_by_head(forward: Forward, mixer: Mamba, held: Held) -> Moment:
    """Of several sequences: each head has matrices of its own (Zamba), which are copied for each."""
    channels, parameters = width("channels", mixer.d_inner), mixer.dt_rank + 2 * mixer.d_state
    terms = (
        forward.per_token("channels and gate", channels, count=2, note="channels, gate"),
        forward.per_token("convolved channels", channels, count=2, note="as they are, by head"),
        convolved_before(forward, mixer.d_inner, mixer.conv_kernel),
        Term(
            "matrices of all heads",
            (forward.sequences, channels, width("time step rank and two state sizes", parameters), forward.value),
        ),
        forward.per_token("time step, B and C", width("values of all heads", mixer.heads * parameters)),
    )
    return Moment("product of each head", (*held, *terms), "modeling_zamba.py ZambaMambaMixer.forward")
