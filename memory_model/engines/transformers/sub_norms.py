"""Norms inside of a block: over the values that its last matrix reads (BitNet)."""

from __future__ import annotations

from ...amount import Factor, Moment, Term
from .live import FLOAT32, Forward, Held, times


def sub_norm(forward: Forward, held: Held, normed: Term, *dimensions: Factor) -> Moment:
    """An RMSNorm of `normed`, whose rows have `dimensions`.

    Input and product in float32; where all is float32, the input needs no copy, and the weighted product is what is more.
    """
    parts = "product, weighted" if forward.is_float32 else "input and product"
    copies = Term("values in float32", (*forward.new, *dimensions, *times(2, parts), FLOAT32))
    means = forward.per_token("means of each token", count=1 if forward.is_float32 else 2, size=FLOAT32)
    return Moment(f"norm of the {normed.label}", (*held, normed, copies, means))
