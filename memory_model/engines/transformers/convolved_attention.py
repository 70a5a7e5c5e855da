"""What ZAYA adds: convolved queries and keys, a residual in float32 that is scaled, states that routers pass on."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.convolved_attention import ConvolvedAttention, ExpertsPickedByNetwork
from ...tensors import Mixer, Mlp
from .live import FLOAT32, Forward, Held, width
from .written import growth

SOURCE = "modeling_zaya.py ZayaCCAProjection.forward"


def convolution_moments(forward: Forward, mixer: Mixer, held: Held) -> Iterator[Moment]:
    """The convolutions of queries and keys, and what is alive when the values are joined behind them."""
    if not isinstance(mixer, ConvolvedAttention) or not forward.is_prefill:
        return
    q, k, half = mixer.query_width, mixer.key_width, mixer.value_width // 2
    kept = mixer.depthwise_kernel + mixer.grouped_kernel - 2
    channels, cached = width("query and key width", q + k), forward.cache != "none"
    several = (forward.sequences, channels)
    state = (Term("inputs to keep", (*several, width("inputs", kept), forward.value)),) if cached else ()
    note = "projected, mean of queries and keys"
    around = (*held, *_keys_to_come(forward, mixer), *state)
    around = (*around, forward.per_token("queries and keys", channels, count=2, note=note))
    inputs = Factor("inputs", forward.call.new + kept, Lever.WORKLOAD, "tokens and those before them")
    once = Factor("outputs", forward.call.new + mixer.grouped_kernel - 1, Lever.WORKLOAD, "of the first convolution")
    convolved = tuple(
        Term(f"{rows.name} of the convolution", (*several, rows, forward.value)) for rows in (inputs, once)
    )
    unwritten = growth(forward, mixer, 1, "state of this layer, not written yet", only="recurrent state")
    yield Moment("convolution of queries and keys", (*around, *unwritten, *convolved), SOURCE)
    waiting = Term("value that waits", (forward.sequences, width("half a value", half), forward.first, forward.value))
    joined = forward.per_token("values", width("halves and joined", 5 * half))
    added = forward.per_token("convolved queries and keys", channels, count=2, note="as they are, with their mean")
    yield Moment("joining of the values", (*around, added, joined, waiting), SOURCE)


def _keys_to_come(forward: Forward, mixer: Mixer) -> Held:
    label = "cache of this layer, not written yet"
    return (*growth(forward, mixer, 1, label, only="keys"), *growth(forward, mixer, 1, label, only="values"))


def scaling_moments(forward: Forward, mlp: Mlp | None, around: Held) -> Iterator[Moment]:
    """Output and residual are shifted and scaled before they are added: modeling_zaya.py ZayaResidualScaling.forward."""
    if not forward.code.float32_residual:
        return
    output = forward.per_token("output of the experts", forward.hidden, count=2, note="as it is, scaled")
    residual = forward.per_token("residual", forward.hidden, count=2, note="shifted, scaled", size=FLOAT32)
    states = router_states(forward, mlp, "states of the router")
    yield Moment("scaling of the residual", (*around, *states, output, residual))


def router_states(forward: Forward, mlp: Mlp | None, label: str) -> Held:
    """The states of a layer's router, which that of the next layer adds to its own."""
    if not isinstance(mlp, ExpertsPickedByNetwork):
        return ()
    return (forward.per_token(label, width("width of the router", mlp.router_hidden_size)),)


def router_states_before(forward: Forward, mlp: Mlp | None) -> Held:
    """Those of the layer before, in all layers but the first."""
    reads = isinstance(mlp, ExpertsPickedByNetwork) and mlp.reads_before
    return router_states(forward, mlp, "states of the router before") if reads else ()
