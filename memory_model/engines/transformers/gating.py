"""The moments of a gate over the attention's output, where it has a matrix of its own (Trinity, Laguna, Ring)."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Moment, Term
from ...blocks.attention import Attention
from ...blocks.latent_attention import LatentAttention
from ...tensors import Mixer
from .live import FLOAT32, Forward, Held, width


def projected_gate(forward: Forward, mixer: Mixer) -> Held:
    """The gate, where it is projected with the queries and waits for the output."""
    return _gate(forward, mixer) if forward.code.gates == "first" else ()


def later_gate(forward: Forward, mixer: Mixer) -> Held:
    """The gate, where it is computed after the attention and has a name, so that it outlives the output projection."""
    return () if forward.code.gates != "float32" else _gate(forward, mixer)


def gating_moments(forward: Forward, mixer: Mixer, held: Held, output: Term) -> Iterator[Moment]:
    """The output times its gate: one that exists, or one that is projected only then."""
    if isinstance(mixer, LatentAttention) and mixer.query_gate and not forward.is_float32:
        values = width("output width", mixer.output_width)
        floats = forward.per_token("gates in float32", values, count=2, note="sigmoid, product", size=FLOAT32)
        yield Moment("gating of the output", (*held, output, floats))
        return
    gate = _gate(forward, mixer)
    if not gate or not isinstance(mixer, (Attention, LatentAttention)):
        return
    if forward.code.gates == "float32" and not forward.is_float32:
        values = width("gates", _width(mixer))
        both = forward.per_token("gates in float32", values, count=2, note="projected, activated", size=FLOAT32)
        yield Moment("activation of the gates", (*held, output, both))
    product = forward.per_token("gated output", width("output width", mixer.output_width))
    activated = forward.per_token("activated gates", width("gates", _width(mixer)))
    yield Moment("gating of the output", (*held, output, activated, product))


def _gate(forward: Forward, mixer: Mixer) -> Held:
    values = _width(mixer)
    return (forward.per_token("gates of the output", width("gates", values)),) if values else ()


def _width(mixer: Mixer) -> int:
    if isinstance(mixer, LatentAttention):
        return mixer.num_attention_heads if mixer.gates_heads else mixer.output_width if mixer.sinks else 0
    return mixer.gate_width if isinstance(mixer, Attention) else 0
