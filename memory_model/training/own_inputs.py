"""Values of the input that every layer has of its own in a training step: Gemma4TextModel.project_per_layer_inputs."""

from __future__ import annotations

from ..amount import Factor
from ..engines.transformers.live import width
from .batch import Batch
from .kernels import add, backward_of, multiply, pointwise, scale
from .matrices import linear
from .norms import rms_norm
from .tape import Storage, Tape, Value


def own_inputs(tape: Tape, batch: Batch, embedded: Value) -> Value:
    """Those of all layers: of a table of their own, and projected from the embedding."""
    each, layers = width("values of a layer", batch.own_inputs), width("layers", batch.model.num_hidden_layers)
    whole = width("values of all layers", batch.own_inputs * batch.model.num_hidden_layers)
    found = scale(tape, _looked_up(tape, batch, whole), "scaled values of the token")
    with tape.naming(embedded, found):
        projected = linear(tape, batch.method, embedded, "per_layer_model_projection", whole, "projected embedding")
        projected = scale(tape, projected, "scaled projected embedding")
        shaped = tape.shaped(projected, *batch.rows, layers, each)
        normed = rms_norm(tape, shaped, "per_layer_projection_norm", batch.code.norm, batch.method.learns)
        both = add(tape, normed, tape.shaped(found, *batch.rows, layers, each), "sum of both")
        return scale(tape, both, "values of all layers")


def _looked_up(tape: Tape, batch: Batch, whole: Factor) -> Value:
    table = next(tensor for tensor in batch.model.embeddings if tensor.role == "embed_tokens_per_layer")
    size, learns = batch.method.value, batch.method.learns

    def backward(gradient: Storage) -> None:
        shape = (width("rows", table.rows), whole)
        tape.run("embedding", gradient, Storage(f"gradient of {table.role}", shape, size, is_gradient=True))

    output = Storage("values of the token", (*batch.rows, whole), size)
    return tape.record("embedding", output, (), (), backward, own=learns)


def own_input(tape: Tape, batch: Batch, inputs: Value) -> Value:
    """Those of one layer, whose gradient is written into zeros of all."""
    return tape.view(
        inputs, (*batch.rows, width("values of a layer", batch.own_inputs)), backward_of(tape, inputs, "slice")
    )


def add_own_input(tape: Tape, batch: Batch, value: Value, own: Value) -> Value:
    """The stream and what its gate lets through of the layer's own input: Gemma4TextDecoderLayer.forward."""
    with tape.naming(value, own):
        gate = linear(tape, batch.method, value, "per_layer_input_gate", own.dimensions[-1], "gate of the own input")
        product = multiply(tape, pointwise(tape, gate, "activation of the gate"), own, "gated own input")
        found = linear(tape, batch.method, product, "per_layer_projection", value.dimensions[-1], "projected own input")
        found = rms_norm(tape, found, "post_per_layer_input_norm", batch.code.norm, batch.method.learns)
        return add(tape, value, found, "residual after the own input")
