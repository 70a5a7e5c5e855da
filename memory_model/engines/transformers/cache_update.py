"""The moments in which new keys and values join those in the cache."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Moment, Number, Term
from ...blocks.attention import Attention
from ...units import where
from .live import NOT_YET, Forward, Held, cached_key_width, width

JOINS = "cache_utils.py DynamicLayer.update, DynamicSlidingWindowLayer.update"
ROLLS = "cache_utils.py StaticSlidingWindowLayer.update"


def cache_updates(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    """Moments of the update behind cached tokens, by the kind of cache."""
    if forward.cache == "static":
        yield from _rolling(forward, mixer, held)
    else:
        yield from _joining(forward, mixer, held)


def keys_beside_the_cache(forward: Forward, mixer: Attention) -> Number:
    """1 where attention reads the new keys and values themselves: without cache, or a StaticCache too short for them."""
    if forward.cache == "none":
        return 1
    if forward.cache != "static" or mixer.window is None or not forward.is_prefill:
        return 0
    return where(forward.context > mixer.window, 1, 0)  # type: ignore[no-any-return]


def _rows(mixer: Attention) -> tuple[Factor, Factor]:
    values = (mixer.repeated_heads or mixer.num_key_value_heads) * mixer.v_head_dim
    return width("cached key width", cached_key_width(mixer)), width("cached value width", values)


def _joining(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    """`torch.cat` builds the new tensor while the old one lives: one at a time in a full layer, both in a window."""
    keys, values = _rows(mixer)
    before = Factor("tokens before", forward.held_before(mixer.window), Lever.WORKLOAD)

    def old(label: str, row: Factor) -> Term:
        return Term(label, (forward.sequences, before, row, forward.value), JOINS)

    if mixer.window is None:
        yield Moment("cache update", (*held, old("old values while new ones are joined", values)))
        if keys.value != values.value:
            unwritten = Term("new values, not written yet", (*forward.new, values, forward.value, NOT_YET))
            terms = (*held, unwritten, old("old keys while new ones are joined", keys))
            yield Moment("cache update of the keys", terms)
        return
    both = (old(f"old {x} while new ones are joined", row) for x, row in (("keys", keys), ("values", values)))
    yield Moment("cache update", (*held, *both))


def _rolling(forward: Forward, mixer: Attention, held: Held) -> Iterator[Moment]:
    """A full window is copied, moved by one token, and written back; everything else is written in place."""
    if mixer.window is None:
        return
    full = Factor("needed", where(forward.past >= mixer.window, 1, 0), Lever.ENGINE, "once the window is full")
    keys, values = (
        Term(label, (forward.sequences, forward.keys(mixer.window), row, full, forward.value), ROLLS)
        for label, row in zip(("moved keys", "moved values"), _rows(mixer), strict=True)
    )
    index = Term("index of the last token", (full, Factor("bytes", 8, Lever.ENGINE)))
    yield Moment("window moved by one token", (*held, keys, values, index))
