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
    if mixer.heads > 1:
        around = (*held, *unwritten) if forward.is_prefill else held
        yield from only_where(forward.sequences.value > 1, _product_by_head(forward, mixer, around))
    if forward.is_prefill:
        yield from _scan(forward, mixer, (*held, *_always(forward, mixer), *unwritten))
    else:
        yield _update(forward, mixer, (*held, *_always(forward, mixer)))


def _always(forward: Forward, mixer: Mamba) -> Held:
    """What the block holds, whether it reads or writes."""
    channels, state = width("channels", mixer.d_inner), width("state size", mixer.d_state)
    parameters = width("time step rank and two state sizes", mixer.heads * (mixer.dt_rank + 2 * mixer.d_state))
    return (
        forward.per_token("channels and gate", channels, count=2, note="channels, gate"),
        forward.per_token("convolved channels", channels),
        convolved_before(forward, mixer.d_inner, mixer.conv_kernel),
        forward.per_token("normed B and C", state, count=2, note="B, C")
        if mixer.inner_norms or mixer.weightless_norms
        else forward.per_token("time step, B and C", parameters),
        forward.per_token("time step", channels),
        forward.per_token("time step, softplus", _together(mixer)),
        Term("rates of decay", (channels, state, FLOAT32)),
        *_heads_before(forward, mixer),
    )


def _together(mixer: Mamba) -> Factor:
    return width("channels scanned at once", mixer.d_inner // mixer.heads)


def _update(forward: Forward, mixer: Mamba, held: Held) -> Moment:
    """One token for each sequence."""
    state, parts = width("state size", mixer.d_state), "decay, B times step, its product, decayed, sum"
    states = forward.per_token("states", _together(mixer), state, count=5, note=parts, size=FLOAT32)
    return Moment("state update", (*held, *_bias(forward, mixer), states), STEP)


def _bias(forward: Forward, mixer: Mamba) -> Held:
    """The float32 copy of the time step's bias."""
    bias = Term("bias of the time step", (width("channels", mixer.d_inner), FLOAT32))
    return () if forward.is_float32 else (bias,)


def _scan(forward: Forward, mixer: Mamba, held: Held) -> Iterator[Moment]:
    """One token after the other."""
    together, state = _together(mixer), width("state size", mixer.d_state)
    scanned = (
        *held,
        forward.per_token("decay, B times step, its product", together, state, count=3, note="", size=FLOAT32),
        *_bias(forward, mixer),
        *(() if forward.is_float32 else (Term("D", (together, FLOAT32)),)),
    )
    tokens = forward.new[-1].value
    before = Factor("bytes of the state before", where(tokens > 1, 4, int(forward.value.value)), Lever.ENGINE)
    earlier = Factor("tokens before the last", tokens - 1, Lever.WORKLOAD)
    last = (
        Term("state before", (forward.sequences, together, state, before)),
        Term("state, decayed and new", (forward.sequences, together, state, width("tensors", 2), FLOAT32)),
        Term("outputs, a list", (forward.sequences, earlier, together, forward.value)),
    )
    yield Moment("state of the last token", (*scanned, *last), SCAN)
    outputs = (
        Term("last state", (forward.sequences, together, state, FLOAT32)),
        forward.per_token("outputs, and outputs joined", together, count=2, note="a list, one tensor"),
        forward.per_token("inputs times D, sum", together, count=2, note="product, sum", size=FLOAT32),
    )
    yield Moment("selective scan", (*scanned, *outputs), SCAN)


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
