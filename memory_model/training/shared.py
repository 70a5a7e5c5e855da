"""What all layers of a training step share: rotation tables and masks."""

from __future__ import annotations

from ..amount import Factor, Lever
from ..blocks.attention import Attention
from ..blocks.latent_attention import LatentAttention
from ..engines.transformers.live import FLOAT32, width
from .batch import Batch
from .tape import Storage, Tape

BOOL = Factor("bytes per value", 1, Lever.ENGINE, "bool")


def tables(batch: Batch) -> tuple[Storage, ...]:
    """cos and sin of every position, one row for all sequences, for each kind of layer that the code tells apart."""
    code = batch.code
    widths: dict[int | None, int] = {}
    for mixer in (getattr(group.mixer, "attention", group.mixer) for group in batch.model.layers):
        if isinstance(mixer, Attention):
            widths[mixer.window] = code.rotated_values(mixer)
        elif isinstance(mixer, LatentAttention):
            widths[None] = mixer.qk_rope_head_dim
    if code.rope == "none" or not any(widths.values()):
        return ()
    values = sum(widths.values()) if code.rope_tables_by_kind else next(iter(widths.values()))
    size = FLOAT32 if code.rope_table_bytes == 4 else batch.method.value
    shape = (batch.tokens, width("rotated values", int(values * code.rope_table_share)))
    return tuple(Storage(f"{name} table", shape, size) for name in ("cos", "sin"))


def repeated(tape: Tape, batch: Batch) -> tuple[Storage, ...]:
    """The tables of one layer, which repeats every value of the shared ones for its neighbour."""
    found = tuple(Storage(f"{one.label} of a layer", one.dimensions, one.size) for one in batch.tables)
    tape.run("tables", *batch.tables, *found)
    return found


def mask(batch: Batch, window: int | None) -> tuple[Storage, ...]:
    """The mask that layers of one kind are given: masking_utils.py."""
    keys = Factor("tokens attended to", batch.tokens.value, Lever.WORKLOAD)
    kind = "full" if window is None else "window"
    if batch.eager:
        return (Storage(f"{kind} mask", (*batch.rows, keys), batch.method.value),)
    passed = window is not None and int(batch.tokens.value) >= window
    each = (batch.sequences,) if batch.code.chunked and window is not None else ()
    return (Storage(f"{kind} mask", (*each, batch.tokens, keys), BOOL),) if passed or batch.code.mask_always else ()
