"""Buffers of a model: tensors that are no parameters and stay on the device, whatever is asked of the model."""

from __future__ import annotations

from ...amount import Factor, Lever, Term
from ...blocks.attention import Attention
from ...deployment import Deployment
from .live import BOOL, FLOAT32, attention_of
from .modeling_code import ModelingCode

VALUE_BYTES = {"": 2, "bf16": 2, "fp32": 4, "int64": 8}
"""Bytes of a value in a buffer of the checkpoint, by the type that transformers' modeling code keeps it in."""
PERSISTENT = "persistent buffer, in the checkpoint but no parameter"
OWN = "buffer that the class makes itself, not in the checkpoint"


def buffers(deployment: Deployment, code: ModelingCode) -> tuple[Term, ...]:
    """Buffers of the checkpoint, and those of `ModelingCode.buffer`; tables of a few hundred bytes are left out."""
    terms = []
    for layers, tensor in deployment.model.tensors(deployment.parts):
        if tensor.buffer:
            size = Factor("bytes per value", VALUE_BYTES[tensor.pinned], Lever.FIXED, tensor.pinned or "16-bit")
            count = Factor("layers", len(layers), Lever.MODEL)
            terms.append(Term(tensor.role, (count, Factor("values", tensor.values, Lever.MODEL), size), PERSISTENT))
    return (*terms, *_own(deployment, code.buffer))


def _own(deployment: Deployment, kind: str) -> tuple[Term, ...]:
    model = deployment.model
    positions = Factor("positions", model.max_position_embeddings, Lever.MODEL)
    layers = Factor("layers", model.num_hidden_layers, Lever.MODEL)
    if kind == "mask":
        return (Term("mask of all positions", (positions, positions, BOOL), OWN),)
    if kind == "embedding":  # two rows more, which are never used
        rows = Factor("positions and two more", model.max_position_embeddings + 2, Lever.MODEL)
        hidden = Factor("hidden size", model.hidden_size, Lever.MODEL)
        return (Term("embedding of all positions", (rows, hidden, deployment.value_bytes), OWN),)
    if kind == "mask_by_layer":
        return (Term("masks of all positions", (layers, positions, positions, BOOL), OWN),)
    if kind == "table_by_layer":
        mixers = (attention_of(group) for group in model.layers)
        rotated = max((mixer.rotary_dim for mixer in mixers if isinstance(mixer, Attention)), default=0)
        values = Factor("rotated values", rotated, Lever.MODEL)
        return (Term("tables of all positions", (layers, positions, values, FLOAT32), OWN),)
    return ()
