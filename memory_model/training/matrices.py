"""Matrices of a model in training: learned, frozen, with an adapter beside them, or quantised."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..amount import Factor, Lever
from ..engines.transformers.live import FLOAT32
from .kernels import add, cast, gradient_of, scale
from .tape import Storage, Tape, Value


@dataclass(frozen=True, slots=True)
class Method:
    """What of a model learns, and in which formats."""

    name: str
    """`full`, `lora` or `qlora`."""
    value: Factor
    """Bytes of a computed value."""
    adapter_value: Factor
    """Bytes of a value of the adapters."""
    rank: int = 0
    targets: tuple[str, ...] = ()
    """The matrices with an adapter, by the last part of their names."""

    @property
    def learns(self) -> bool:
        """Whether the model's own parameters learn."""
        return self.name == "full"

    def adapts(self, role: str) -> bool:
        """Whether a matrix has an adapter beside it."""
        return self.rank > 0 and role.rpartition(".")[2] in self.targets


def linear(
    tape: Tape,
    method: Method,
    value: Value,
    role: str,
    width: Factor,
    label: str,
    *,
    bias: bool = False,
    tied: bool = False,
) -> Value:
    """torch.nn.Linear: keeps its input for the gradient of the matrix (peft's Linear with an adapter)."""
    found = _matrix(tape, method, value, role, width, label, bias, tied)
    if not method.adapts(role):
        return found
    rank = Factor("LoRA rank", method.rank, Lever.WORKLOAD)
    size = method.adapter_value
    own = cast(tape, value, size, f"input of the adapter of {role}")
    low = _product(tape, own, f"{role}.lora_A", rank, "low-rank values", size)
    high = _product(tape, low, f"{role}.lora_B", width, "output of the adapter", size)
    total = add(tape, found, scale(tape, high, "scaled output of the adapter"), label)
    return cast(tape, total, found.size, label)


def linear_in_float32(
    tape: Tape, method: Method, value: Value, role: str, width: Factor, label: str, *, pinned: bool
) -> Value:
    """A product of copies in float32, of the input and of the matrix unless that is `pinned` to float32."""
    wide = cast(tape, value, FLOAT32, f"input of the {role} in float32")
    matrix = (width, value.dimensions[-1])
    copied = not pinned and value.value_bytes != 4
    weights = (Storage(f"{role} in float32", matrix, FLOAT32),) if copied else ()

    def backward(gradient: Storage) -> None:
        found = Storage(f"gradient of {role}", matrix, FLOAT32, is_gradient=not copied)
        if method.learns:
            tape.run("matrix", gradient, found)
        if wide.learns:
            back = gradient_of(wide)
            tape.run("matrix", gradient, back, *weights)
            tape.give(wide, back)
        if method.learns and copied:
            tape.run("cast", found, Storage(f"gradient of {role}", matrix, method.value, is_gradient=True))

    output = Storage(label, (*value.dimensions[:-1], width), FLOAT32)
    saved = (*((wide.storage,) if method.learns else ()), *(weights if wide.learns else ()))
    if weights:
        tape.run("cast", wide.storage, *weights)
    return tape.record("matrix", output, (wide,), saved, backward, own=method.learns, unpacks=True)


def _product(tape: Tape, value: Value, role: str, width: Factor, label: str, size: Factor) -> Value:
    output = Storage(label, (*value.dimensions[:-1], width), size)
    matrix = (width, value.dimensions[-1])

    def backward(gradient: Storage) -> None:
        tape.run("matrix", gradient, Storage(f"gradient of {role}", matrix, size, is_gradient=True))
        if value.learns:
            back = gradient_of(value)
            tape.run("matrix", gradient, back)
            tape.give(value, back)

    return tape.record("matrix", output, (value,), (value.storage,), backward, own=True)


def _matrix(
    tape: Tape, method: Method, value: Value, role: str, width: Factor, label: str, bias: bool, tied: bool
) -> Value:
    output = Storage(label, (*value.dimensions[:-1], width), value.size)
    matrix = (width, value.dimensions[-1])

    def unpacked() -> tuple[Storage, ...]:
        """A quantised matrix is written out for each product and dropped after it (bitsandbytes MatMul4Bit)."""
        if method.name != "qlora" or role in UNQUANTISED:
            return ()
        found, scales = Storage("matrix in 16 bits", matrix, method.value), Storage("scales in float32", matrix, SCALES)
        tape.run("unpacking", found, scales)
        return (found,)

    def backward(gradient: Storage) -> None:
        if method.learns:
            found = Storage(f"gradient of {role}", matrix, value.size, is_gradient=not tied)
            tape.run("matrix", gradient, found)
            if tied:
                tape.waiting.append(found)
        back = gradient_of(value)
        if value.learns:
            tape.run("matrix", gradient, back, *unpacked())
        if method.learns and bias:
            vector = Storage(f"gradient of {role}.bias", (width,), value.size, is_gradient=True)
            tape.run("matrix", gradient, vector, *((back,) if value.learns else ()))
        tape.give(value, back)

    saved = (value.storage,) if method.learns else ()
    temporary = unpacked()
    if temporary:
        tape.run("matrix", value.storage, output, *temporary)
    return tape.record("matrix", output, (value,), saved, backward, own=method.learns, unpacks=True)


UNQUANTISED = ("lm_head", "router")
SCALES = Factor("bytes per value", Fraction(4, 64), Lever.ENGINE, "float32, one for 64 values")
"""As bitsandbytes leaves them when it unpacks (functional.py dequantize_4bit)."""
