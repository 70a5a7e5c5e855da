"""A short convolution between two gates in a training step, as torch runs it where no kernel for it is installed."""

from __future__ import annotations

from ..amount import Factor
from ..blocks.short_conv import ShortConvolution
from ..engines.transformers.live import width
from .batch import Batch
from .kernels import copy, gradient_of, like, multiply, split
from .matrices import linear
from .tape import Storage, Tape, Value


def convolve(tape: Tape, batch: Batch, mixer: ShortConvolution, value: Value) -> Value:
    """out(C * conv(B * x)), all three out of one matrix: Lfm2ShortConv.forward."""
    method, hidden, channels = batch.method, value.dimensions[-1], width("channels", mixer.channels)
    three = width("two gates and the input", 3 * mixer.channels)
    joined = linear(tape, method, value, "in_proj", three, "gates and input", bias=mixer.bias)
    before, after, inner = split(tape, joined, (channels,) * 3)
    inner = multiply(tape, before, inner, "gated input")
    convolved = convolution(tape, batch, inner, "conv", mixer.conv_kernel, bias=mixer.bias)
    gated = copy(tape, multiply(tape, after, convolved, "gated output"), "gated output by token")
    return linear(tape, method, gated, "out_proj", hidden, "projected output", bias=mixer.bias)


def convolution(tape: Tape, batch: Batch, value: Value, role: str, taps: int, *, bias: bool) -> Value:
    """torch.nn.functional.conv1d keeps its input, frozen too; its output is longer by the padding, which a view leaves out."""
    longer = width("tokens and padding", int(batch.tokens.value) + taps - 1)
    whole = (batch.sequences, longer, value.dimensions[-1])
    output = Storage("convolved values and padding", whole, value.size)
    learns = batch.method.learns

    def backward(gradient: Storage) -> None:
        padded, back = like("gradient of convolved values", output), gradient_of(value)
        tape.run("convolution", gradient, padded)
        kernel: tuple[Factor, ...] = (value.dimensions[-1], width("taps", taps))
        vectors = [(role, kernel)] if learns else []
        if learns and bias:
            vectors.append((f"{role}.bias", kernel[:1]))
        found = [Storage(f"gradient of {role}", shape, value.size, is_gradient=True) for role, shape in vectors]
        tape.run("convolution", padded, back, *found)
        tape.give(value, back)

    found = tape.record("convolution", output, (value,), (value.storage,), backward, own=learns)
    return tape.shaped(found, *value.dimensions)
