"""The moments of a layer that runs a shared transformer block before its state space (Zamba2)."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Moment
from ...blocks.parallel import AttentionAndMamba2
from ...blocks.shared_transformer import SharedAttention, SharedMlp
from ...model_shape import LayerGroup
from .attention import attention_moments
from .eager import attention_weights
from .live import Forward, Held, width
from .recurrent import recurrent_moments
from .written import growth


def shared_transformer_moments(forward: Forward, group: LayerGroup, held: Held) -> Iterator[Moment]:
    """Moments of a hybrid layer (modeling_zamba2.py Zamba2HybridLayer.forward). `held`: up to the layer's input."""
    mixer, mlp = group.mixer, group.mlp
    if not isinstance(mixer, AttentionAndMamba2) or not isinstance(mixer.attention, SharedAttention):
        return
    attention = mixer.attention.attention
    states = growth(forward, mixer.recurrence, 1, "states of this layer, not written yet")
    unwritten = growth(forward, attention, 1, "cache of this layer, not written yet")
    both = forward.per_token("normed input and embedding", width("input width", mixer.attention.input_width))
    for moment in attention_moments(forward, attention, (*held, *states, both), unwritten):
        name = f"{moment.name} of the shared block"
        yield Moment(name, moment.terms, moment.source, moment.happens)
    if isinstance(mlp, SharedMlp):
        weights = (attention_weights(forward, attention),) if forward.is_eager else ()
        inner = forward.per_token(
            "gate and up",
            width("MLP width", mlp.intermediate_size),
            count=6,
            note="projected, from the adapter, sum (two wide each)",
        )
        around = (*held, *states, *weights, forward.stream("normed output of the attention"))
        yield Moment("MLP of the shared block", (*around, inner))
    state = growth(forward, mixer.recurrence, 1, "state of this layer, not written yet", only="recurrent state")
    output = forward.stream("output of the shared block")
    yield from recurrent_moments(forward, mixer.recurrence, (*held, output, forward.stream("normed input")), state)
