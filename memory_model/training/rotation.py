"""The rotation of queries and keys in a training step, with tables that all layers share."""

from __future__ import annotations

from ..amount import Factor
from ..blocks.attention import Attention
from ..engines.transformers.live import FLOAT32, width
from .batch import Batch
from .kernels import backward_of, cast, gradient_of
from .shared import repeated
from .tape import Storage, Tape, Value


def both_rotated(tape: Tape, batch: Batch, mixer: Attention, q: Value, k: Value) -> tuple[Value, Value]:
    """Queries and keys after their rotation, which some code runs on float32 copies of both."""
    size = q.size
    named: tuple[tuple[Value, str], ...] = ((q, "queries"), (k, "keys"))
    if batch.code.complex_tables:
        q, k = (complex_rotation(tape, batch, one, name) for one, name in named)
        return q, k
    if batch.code.rope == "upcast":
        named = tuple((cast(tape, one, FLOAT32, f"{name} in float32"), name) for one, name in named)
    tables = repeated(tape, batch) if batch.code.rope_tables_repeated else batch.tables
    turned = [(rotated(tape, batch, mixer, one, name, tables), name) for one, name in named]
    q, k = (cast(tape, one, size, f"rotated {name}") for one, name in turned)
    return q, k


def rotated(tape: Tape, batch: Batch, mixer: Attention, value: Value, name: str, tables: tuple[Storage, ...]) -> Value:
    """q * cos + rotate_half(q) * sin: nothing is kept but the tables; its gradient is written out piece by piece."""
    size = FLOAT32 if batch.code.rope in ("float32", "upcast whole") else value.size
    output = Storage(f"rotated {name}", value.dimensions, value.size)
    turns = batch.code.rotated_values(mixer)
    half = (*value.dimensions[:-1], width("half of the rotated values", turns // 2))
    whole = (*value.dimensions[:-1], width("rotated values", turns))

    def backward(gradient: Storage) -> None:
        def part(dimensions: tuple[Factor, ...]) -> Storage:
            return Storage(f"gradient of the rotation of {name}", dimensions, size)

        came = gradient
        if size.value != value.size.value:
            came = Storage(gradient.label, gradient.dimensions, size)
            tape.run("rotation", gradient, came)
        turned, negative, low, high, both = part(whole), part(half), part(whole), part(whole), part(whole)
        tape.run("rotation", came, turned)
        tape.run("rotation", came, turned, negative)
        tape.run("rotation", came, turned, negative, low)
        tape.run("rotation", came, turned, low, high)
        tape.run("rotation", came, low, high, both)
        straight, total = part(whole), part(whole)
        tape.run("rotation", came, both, straight)
        tape.run("rotation", both, straight, total)
        if turns < mixer.head_dim or size.value != value.size.value:
            back = gradient_of(value)
            tape.run("rotation", total, back)
            total = back
        tape.give(value, total)

    return tape.record("rotation", output, (value,), tables, backward)


def complex_rotation(tape: Tape, batch: Batch, value: Value, name: str) -> Value:
    """Pairs of neighbours are complex numbers in float32, turned by those of the table: Llama4's apply_rotary_emb."""
    wide = cast(tape, value, FLOAT32, f"{name} in float32")
    output = Storage(f"rotated {name} in float32", wide.dimensions, FLOAT32)
    turned = tape.record("rotation", output, (wide,), batch.tables, backward_of(tape, wide, "rotation"))
    return cast(tape, turned, value.size, f"rotated {name}")
