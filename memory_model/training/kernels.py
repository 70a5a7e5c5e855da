"""The operations that modeling code is made of: what each keeps, and what its gradient allocates on the way."""

from __future__ import annotations

from collections.abc import Callable

from ..amount import Factor, Lever
from .tape import Storage, Tape, Value


def like(label: str, value: Value | Storage, size: Factor | None = None) -> Storage:
    """A storage with the dimensions of another."""
    return Storage(label, value.dimensions, size or value.size)


def gradient_of(value: Value) -> Storage:
    """A new gradient for a value."""
    return like(f"gradient of {value.storage.label}", value)


def backward_of(tape: Tape, value: Value, name: str) -> Callable[[Storage], None]:
    """The gradient of a function of one value: a new tensor, written from the one that came."""

    def backward(gradient: Storage) -> None:
        back = gradient_of(value)
        tape.run(name, gradient, back)
        tape.give(value, back)

    return backward


def cast(tape: Tape, value: Value, size: Factor, label: str) -> Value:
    """A copy in another number format; the same tensor where it has that format already."""
    if size.value == value.size.value:
        return value
    return tape.record("cast", like(label, value, size), (value,), (), backward_of(tape, value, "cast"))


def copy(tape: Tape, value: Value, label: str) -> Value:
    """The same values in another order of memory; its gradient is handed on as it is."""
    return tape.record("copy", like(label, value), (value,), (), lambda gradient: tape.give(value, gradient))


def add(tape: Tape, left: Value, right: Value, label: str) -> Value:
    """A sum keeps nothing, and its gradient belongs to both."""

    def backward(gradient: Storage) -> None:
        tape.give(left, gradient)
        tape.give(right, gradient)

    wider = left if left.value_bytes >= right.value_bytes else right
    return tape.record("add", like(label, wider), (left, right), (), backward)


def subtract(tape: Tape, left: Value, right: Value, label: str) -> Value:
    """A difference keeps nothing; the gradient of what is taken away is a negative copy."""

    def backward(gradient: Storage) -> None:
        negative = gradient_of(right)
        tape.run("subtract", gradient, negative)
        tape.give(right, negative)
        tape.give(left, gradient)

    return tape.record("subtract", like(label, left), (left, right), (), backward)


def offset(tape: Tape, value: Value, label: str) -> Value:
    """A sum with what does not learn, such as a mask, keeps nothing and hands its gradient on."""
    output = like(label, value)
    return tape.record("add", output, (value,), (), lambda gradient: tape.give(value, gradient))


def scale(tape: Tape, value: Value, label: str) -> Value:
    """A product with a constant keeps nothing."""
    return tape.record("scale", like(label, value), (value,), (), backward_of(tape, value, "scale"))


def multiply(tape: Tape, left: Value, right: Value, label: str, size: Factor | None = None) -> Value:
    """A product keeps each factor that the other one's gradient needs; it may have the `size` of the wider one."""
    kept = (*((right.storage,) if left.learns else ()), *((left.storage,) if right.learns else ()))
    shape = left.dimensions
    if size is not None:
        left, right = (_narrowed(tape, one, size) for one in (left, right))

    def backward(gradient: Storage) -> None:
        found = [
            (value, like(f"gradient of {value.storage.label}", value, size)) for value in (left, right) if value.learns
        ]
        for _, back in found:
            tape.run("multiply", gradient, back)
        tape.run("multiply", *(back for _, back in found))
        for value, back in found:
            tape.give(value, back)

    output = Storage(label, shape, size or left.size)
    return tape.record("multiply", output, (left, right), kept, backward)


def _narrowed(tape: Tape, value: Value, size: Factor) -> Value:
    """The same values, whose gradient arrives in a wider format and is cast once its operation is over."""
    if value.size.value == size.value:
        return value
    return tape.view(value, value.dimensions, backward_of(tape, value, "cast"))


def spread(tape: Tape, value: Value, factor: Value, label: str) -> Value:
    """A product with one number a row, whose gradient is summed from that of the whole."""

    def backward(gradient: Storage) -> None:
        back, whole = gradient_of(value), gradient_of(value)
        tape.run("multiply", gradient, back)
        if factor.learns:
            small = gradient_of(factor)
            tape.run("multiply", gradient, back, whole)
            tape.run("multiply", gradient, back, whole, small)
            tape.give(factor, small)
        tape.give(value, back)

    saved = (*((factor.storage,) if value.learns else ()), *((value.storage,) if factor.learns else ()))
    return tape.record("multiply", like(label, value), (value, factor), saved, backward)


def pointwise(tape: Tape, value: Value, label: str, *, keeps: str = "input", name: str = "activation") -> Value:
    """A function of each value whose gradient needs its input (silu, gelu) or its output (tanh, softmax)."""
    output = like(label, value)

    kept = value.storage if keeps == "input" else output
    return tape.record(name, output, (value,), (kept,), backward_of(tape, value, name))


def square(tape: Tape, value: Value, label: str) -> Value:
    """x ** 2 keeps x; its gradient is written out with its factors."""

    def backward(gradient: Storage) -> None:
        power, doubled, through = (gradient_of(value) for _ in range(3))
        tape.run("square", gradient, power)
        tape.run("square", gradient, power, doubled)
        tape.run("square", gradient, power, doubled, through)
        tape.give(value, through)

    return tape.record("square", like(label, value), (value,), (value.storage,), backward)


def split(tape: Tape, value: Value, widths: tuple[Factor, ...]) -> tuple[Value, ...]:
    """Views of parts of a tensor, which keep all of it alive; their gradients are joined in a new tensor."""
    found: list[Storage] = []

    def part(index: int, width: Factor) -> Value:
        def backward(gradient: Storage) -> None:
            found.append(gradient)
            if index == 0:
                back = gradient_of(value)
                tape.run("join", *found, back)
                tape.give(value, back)

        return tape.view(value, (*value.dimensions[:-1], width), backward)

    return tuple(part(index, width) for index, width in enumerate(widths))


def join(tape: Tape, values: tuple[Value, ...], label: str) -> Value:
    """Tensors side by side in a new one; their gradients are views of its own."""
    total = sum(int(value.dimensions[-1].value) for value in values)
    whole = Factor(label, total, Lever.MODEL)

    def backward(gradient: Storage) -> None:
        for value in values:
            tape.give(value, gradient)

    output = Storage(label, (*values[0].dimensions[:-1], whole), values[0].size)
    return tape.record("join", output, values, (), backward)


def strided(tape: Tape, value: Value, width: Factor) -> Value:
    """A view of every second value, whose gradient is written into zeros of the whole: SliceBackward."""

    def backward(gradient: Storage) -> None:
        back = gradient_of(value)
        tape.run("slice", gradient, back)
        tape.give(value, back)

    return tape.view(value, (*value.dimensions[:-1], width), backward)


def weigh(tape: Tape, value: Value, role: str, size: Factor, learns: bool, label: str) -> Value:
    """A product with a learned vector, whose values and gradients are of a size."""

    def backward(gradient: Storage) -> None:
        product, back = gradient_of(value), gradient_of(value)
        if learns:
            tape.run("weigh", gradient, product)
        if value.learns:
            tape.run("weigh", gradient, back, *((product,) if learns else ()))
        if learns:
            vector = Storage(f"gradient of {role}", value.dimensions[-1:], size, is_gradient=True)
            tape.run("weigh", product, vector)
        tape.give(value, back)

    saved = (value.storage,) if learns else ()
    return tape.record("weigh", like(label, value), (value,), saved, backward, own=learns, unpacks=True)


def weigh_all(tape: Tape, value: Value, role: str, learns: bool, label: str) -> Value:
    """A product with one learned number."""
    one = (Factor("numbers", 1, Lever.MODEL),)

    def backward(gradient: Storage) -> None:
        product, back = gradient_of(value), gradient_of(value)
        if learns:
            tape.run("weigh", gradient, product)
        tape.run("weigh", gradient, back, *((product,) if learns else ()))
        if learns:
            tape.run("weigh", product, Storage(f"gradient of {role}", one, value.size, is_gradient=True))
        tape.give(value, back)

    saved = (value.storage,) if learns else ()
    return tape.record("weigh", like(label, value), (value,), saved, backward, own=learns, unpacks=True)
