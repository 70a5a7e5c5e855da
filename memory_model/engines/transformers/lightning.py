"""The moments of lightning attention: block by block, the matrices of the last block stay alive."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Term
from ...blocks.lightning import LightningAttention
from ...units import round_up
from .live import FLOAT32, Forward, Held, times, width
from .products import product_moments, quantised


def uncached_state(forward: Forward, mixer: LightningAttention) -> Held:
    """The new state that a layer returns and drops where there is no cache for it."""
    heads, size = width("heads", mixer.num_attention_heads), width("head size", mixer.head_dim)
    return (Term("state that no cache takes", (forward.sequences, heads, size, size, forward.value)),)


def lightning_moments(forward: Forward, mixer: LightningAttention, held: Held) -> Iterator[Moment]:
    """Moments of linear attention with a fixed decay (modeling_minimax.py MiniMaxLightningAttention.forward)."""
    heads, size = width("heads", mixer.num_attention_heads), width("head size", mixer.head_dim)
    channels = width("width of all heads", mixer.width)
    block = mixer.block_size
    rest = forward.call.new - round_up(forward.call.new, block) + block if forward.is_prefill else 1
    tokens = Factor("tokens of the last block", rest, Lever.WORKLOAD)

    def tensor(label: str, *dimensions: Factor, count: int = 1, note: str = "") -> Term:
        return Term(label, (forward.sequences, heads, *dimensions, *times(count, note), forward.value))

    last_block = (
        tensor("products of queries and keys", tokens, tokens),
        tensor("outputs of the block", tokens, size, count=3, note="within, from the state, sum"),
    )
    around = (
        *held,
        forward.per_token("queries, keys and values", channels, count=3, note="queries, keys, values"),
        *(last_block if forward.is_prefill else ()),
        tensor("change of the state", size, size),
        Term("decay of a block", (heads, forward.value)),
        *(uncached_state(forward, mixer) if forward.cache == "none" else ()),
    )
    earlier = Factor("tokens of earlier blocks", forward.call.new - rest if forward.is_prefill else 0, Lever.WORKLOAD)
    yield Moment(
        "state update",
        (
            *around,
            tensor("state before, and decayed", size, size, count=2),
            tensor("outputs of earlier blocks", earlier, size),
        ),
    )
    normed = forward.per_token("normed outputs", channels)
    for role in ("output_gate", "out_proj"):
        yield from product_moments(forward, quantised(forward, mixer, role), (*around, normed))
    yield Moment(
        "norm of the output",
        (
            *around,
            forward.per_token("outputs", channels),
            forward.per_token("outputs in float32", channels, count=2, note="input and product", size=FLOAT32),
            forward.per_token("mean square and inverse root", count=2, size=FLOAT32),
        ),
    )
