"""The norms of a training step: those written out in float32, and PyTorch's own."""

from __future__ import annotations

from ..amount import Factor, Lever
from ..engines.transformers.live import FLOAT32
from .kernels import cast, gradient_of, like, spread, weigh
from .tape import Storage, Tape, Value


def rms_norm(tape: Tape, value: Value, role: str, kind: str, learns: bool, size: Factor | None = None) -> Value:
    """The norms that are written out in float32.

    Without a `role` it has no weights; `size`: of a value of its weights, where that is not the input's. The RMSNorm of `modeling_llama.py` (`rms`), `modeling_gemma.py` (`gemma`), `modeling_olmo2.py` (`late`) or
    `modeling_gemma4.py` (`wide`), and the LayerNorm without a bias of `modeling_cohere.py` (`centred`).
    """
    original = value.size
    wide = cast(tape, value, FLOAT32, "input of a norm in float32")
    if kind == "centred":
        root = _root_mean_square(tape, _less_its_mean(tape, wide))
        wide = _less_its_mean(tape, wide)
    else:
        root = _root_mean_square(tape, wide, by_power=kind == "wide")

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
    weighed = weigh(tape, normed, role, size or original, learns, "normed and weighed in float32")
    return cast(tape, weighed, original, "normed input")


def unit_length(tape: Tape, value: Value) -> Value:
    """x * rsqrt(sum(x * x)) in the format of x: modeling_qwen3_next.py l2norm."""

    def squares(gradient: Storage) -> None:
        for _ in range(2):
            back = gradient_of(value)
            tape.run("norm", gradient, back)
            tape.give(value, back)

    output = Storage("inverse length", value.dimensions[:-1], value.size)
    squared = like("squares", value)
    tape.run("norm", value.storage, squared)
    root = tape.record("norm", output, (value,), (value.storage, output), squares)
    return spread(tape, value, root, f"{value.storage.label}, of length 1")


def _less_its_mean(tape: Tape, value: Value) -> Value:
    """x - mean(x): the mean's gradient is summed from a negative copy and spread over the row again."""

    def backward(gradient: Storage) -> None:
        tape.give(value, gradient)
        negative, spread = gradient_of(value), gradient_of(value)
        tape.run("norm", gradient, negative)
        tape.run("norm", gradient, spread)
        tape.give(value, spread)

    return tape.record("norm", like("values less their mean", value), (value,), (), backward)


def _root_mean_square(tape: Tape, value: Value, *, by_power: bool = False) -> Value:
    """rsqrt(mean(x ** 2)), one number a row: the gradient of the square is written out with its factors.

    `by_power`: as a power of -0.5, which keeps the mean beside its result.
    """

    def backward(gradient: Storage) -> None:
        spread, power, doubled, through = (gradient_of(value) for _ in range(4))
        tape.run("norm", gradient, spread)
        tape.run("norm", spread, power)
        tape.run("norm", spread, power, doubled)
        tape.run("norm", spread, power, doubled, through)
        tape.give(value, through)

    output = Storage("inverse root mean square", value.dimensions[:-1], FLOAT32)
    mean = (like("mean of the squares", output),) if by_power else ()
    return tape.record("norm", output, (value,), (value.storage, *mean), backward)


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
