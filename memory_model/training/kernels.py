"""The operations that modeling code is made of: what each keeps, and what its gradient allocates on the way."""

from __future__ import annotations

from collections.abc import Callable

from ..amount import Factor, Lever
from ..engines.transformers.live import FLOAT32
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


def multiply(tape: Tape, left: Value, right: Value, label: str) -> Value:
    """A product keeps each factor that the other one's gradient needs."""

    def backward(gradient: Storage) -> None:
        found = [(value, gradient_of(value)) for value in (left, right) if value.learns]
        for _, back in found:
            tape.run("multiply", gradient, back)
        tape.run("multiply", *(back for _, back in found))
        for value, back in found:
            tape.give(value, back)

    saved = (*((right.storage,) if left.learns else ()), *((left.storage,) if right.learns else ()))
    return tape.record("multiply", like(label, left), (left, right), saved, backward)


def pointwise(tape: Tape, value: Value, label: str, *, keeps: str = "input", name: str = "activation") -> Value:
    """A function of each value whose gradient needs its input (silu, gelu) or its output (tanh, softmax)."""
    output = like(label, value)

    kept = value.storage if keeps == "input" else output
    return tape.record(name, output, (value,), (kept,), backward_of(tape, value, name))


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


def rms_norm(tape: Tape, value: Value, role: str, kind: str, learns: bool) -> Value:
    """The norms that are written out in float32.

    Without a `role` it has no weights. The RMSNorm of `modeling_llama.py` (`rms`), `modeling_gemma.py` (`gemma`), `modeling_olmo2.py` (`late`) or
    `modeling_gemma4.py` (`wide`), and the LayerNorm without a bias of `modeling_cohere.py` (`centred`).
    """
    original = value.size
    wide = cast(tape, value, FLOAT32, "input of a norm in float32")
    if kind == "centred":
        root = _root_mean_square(tape, _less_its_mean(tape, wide))
        wide = _less_its_mean(tape, wide)
    else:
        root = _root_mean_square(tape, wide)

    def backward(gradient: Storage) -> None:
        direct, product = gradient_of(wide), gradient_of(wide)
        tape.run("norm", gradient, direct)
        tape.run("norm", gradient, direct, product)
        tape.give(wide, direct)
        tape.give(root, gradient_of(root))

    saved = (wide.storage, root.storage)
    normed = tape.record("norm", like("normed values in float32", wide), (wide, root), saved, backward)
    if not role:
        return cast(tape, normed, original, "normed input")
    if kind == "rms":
        return weigh(tape, cast(tape, normed, original, "normed values"), role, original, learns, "normed input")
    weighed = weigh(tape, normed, role, original, learns, "normed and weighed in float32")
    return cast(tape, weighed, original, "normed input")


def _less_its_mean(tape: Tape, value: Value) -> Value:
    """x - mean(x): the mean's gradient is summed from a negative copy and spread over the row again."""

    def backward(gradient: Storage) -> None:
        tape.give(value, gradient)
        negative, spread = gradient_of(value), gradient_of(value)
        tape.run("norm", gradient, negative)
        tape.run("norm", gradient, spread)
        tape.give(value, spread)

    return tape.record("norm", like("values less their mean", value), (value,), (), backward)


def _root_mean_square(tape: Tape, value: Value) -> Value:
    """rsqrt(mean(x ** 2)), one number a row: the gradient of the square is written out with its factors."""

    def backward(gradient: Storage) -> None:
        spread, power, doubled, through = (gradient_of(value) for _ in range(4))
        tape.run("norm", gradient, spread)
        tape.run("norm", spread, power)
        tape.run("norm", spread, power, doubled)
        tape.run("norm", spread, power, doubled, through)
        tape.give(value, through)

    output = Storage("inverse root mean square", value.dimensions[:-1], FLOAT32)
    return tape.record("norm", output, (value,), (value.storage,), backward)


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


def layer_norm(tape: Tape, value: Value, role: str, learns: bool) -> Value:
    """torch.nn.LayerNorm keeps its input and two numbers of each row."""
    means = Storage("mean and inverse deviation", (*value.dimensions[:-1], Factor("numbers", 2, Lever.ENGINE)), FLOAT32)

    def backward(gradient: Storage) -> None:
        back = gradient_of(value)
        written = [back] if value.learns else []
        if learns:
            for name in (role, f"{role}.bias"):
                written.append(Storage(f"gradient of {name}", value.dimensions[-1:], value.size, is_gradient=True))
        tape.run("norm", gradient, *written)
        tape.give(value, back)

    saved = (value.storage, means)
    return tape.record("norm", like("normed input", value), (value,), saved, backward, own=learns, unpacks=True)
