"""The moments of Mamba without its optional kernels: the state of every token is written out in float32."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.mamba import Mamba
from ...units import where
from .live import FLOAT32, Forward, Held, convolved_before, width

SCAN = "modeling_mamba.py mamba_selective_scan, without the mamba_ssm package"
STEP = "modeling_mamba.py mamba_selective_state_update, without the mamba_ssm package"


def mamba_moments(forward: Forward, mixer: Mamba, held: Held, unwritten: Held) -> Iterator[Moment]:
    """Moments of a selective state space. `unwritten`: its state, which is cached after the scan."""
    channels, state = width("channels", mixer.d_inner), width("state size", mixer.d_state)
    together = width("channels scanned at once", mixer.d_inner // mixer.heads)
    parameters = width("time step rank and two state sizes", mixer.dt_rank + 2 * mixer.d_state)
    own_norms = mixer.inner_norms or mixer.weightless_norms
    always = (
        *held,
        forward.per_token("channels and gate", channels, count=2, note="channels, gate"),
        forward.per_token("convolved channels", channels),
        convolved_before(forward, mixer.d_inner, mixer.conv_kernel),
        forward.per_token("normed B and C", state, count=2, note="B, C")
        if own_norms
        else forward.per_token("time step, B and C", parameters),
        forward.per_token("time step", channels, count=2, note="projected, softplus"),
        Term("rates of decay", (channels, state, FLOAT32)),
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
            else (Term("D and bias of the time step", (width("vectors", 2), channels, FLOAT32)),)
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
            Term("outputs, a list", (forward.sequences, earlier, channels, forward.value)),
        ),
        SCAN,
    )
    yield Moment(
        "selective scan",
        (
            *scanned,
            Term("last state", (forward.sequences, channels, state, FLOAT32)),
            forward.per_token("outputs, and outputs joined", channels, count=2, note="a list, one tensor"),
            forward.per_token("inputs times D, sum", together, count=2, note="product, sum", size=FLOAT32),
        ),
        SCAN,
    )
