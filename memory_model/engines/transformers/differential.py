"""Differential attention (arXiv:2410.05258): two calls of the same queries and keys, each with one half of the values."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...amount import Moment
from ...blocks.attention import Attention
from .eager import attention_weights
from .live import Forward, Held, width
from .products import output_projection

SOURCE = "modeling_diffllama.py DiffLlamaAttention.forward"


def differential_moments(
    forward: Forward, mixer: Attention, held: Held, call: Callable[[Held], Iterator[Moment]]
) -> Iterator[Moment]:
    """Moments of the second call, when the first one's output waits, and of what is made of both outputs.

    `call`: the moments of one call, beside what is held. The norm over pairs of heads is
    one kernel on CUDA, without copies in float32.
    """
    copies = forward.per_key(
        "halves of the values, repeated",
        mixer.window,
        width("value width", mixer.value_width),
        count=2,
        note="two halves",
    )
    weights = (attention_weights(forward, mixer),) if forward.is_eager else ()
    output = width("output width", mixer.output_width)
    first = forward.per_token("output of the first call", output)
    yield from call((*held, copies, *weights, first))
    both = tuple(weight for weight in weights for _ in range(2))
    joined = forward.per_token("outputs of both calls", output, count=2, note="joined")
    around = (*held, copies, *both, joined)
    yield Moment("joining of the outputs", (*around, forward.per_token("outputs", output, count=2)), SOURCE)
    normed = forward.per_token("difference of the outputs", output, count=3, note="as it is, normed, scaled")
    yield Moment("norm of the difference", (*around, normed), SOURCE)
    yield from output_projection(forward, mixer, around, forward.per_token("scaled difference", output))
