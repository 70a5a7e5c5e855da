"""The parameters that learn: all of a model's, or those of the adapters beside its matrices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..amount import Factor, Lever
from ..engines.transformers.live import FLOAT32
from ..errors import InputError, unknown
from ..model_shape import ModelShape
from .matrices import Method


@dataclass(frozen=True, slots=True)
class Parameter:
    """`layers` equal tensors of `copies` matrices of `rows` x `columns` values."""

    role: str
    layers: int
    rows: int
    columns: int
    copies: int
    size: Factor
    """Bytes of one value, of the parameter and of its gradient."""

    @property
    def values(self) -> int:
        """Values of one tensor."""
        return self.copies * self.rows * self.columns

    @property
    def count(self) -> Factor:
        """How many such tensors there are."""
        return Factor("layers", self.layers, Lever.MODEL)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """Tensors and the dimensions of each."""
        each = [Factor("experts", self.copies, Lever.MODEL)] if self.copies > 1 else []
        across = [Factor("columns", self.columns, Lever.MODEL)] if self.columns > 1 else []
        return (self.count, *each, Factor("rows", self.rows, Lever.MODEL), *across)


def learning(model: ModelShape, method: Method) -> tuple[Parameter, ...]:
    """Every parameter with a gradient. Raises InputError for adapters beside matrices that the model has not."""
    if method.learns:
        return tuple(_all(model, method))
    known = {
        t.role.rpartition(".")[2]
        for _, t in model.tensors("text")
        if t.columns > 1 and t.copies == 1 and t.part in ADAPTED
    }
    for role in method.targets:
        if role not in known:
            raise InputError(f"lora_targets: {unknown('matrix', role, sorted(known))}")
    return tuple(_adapters(model, method))


def _all(model: ModelShape, method: Method) -> Iterator[Parameter]:
    """As the modeling code holds them: gate and up of all experts are one tensor."""
    tensors = [(len(layers), tensor) for layers, tensor in model.tensors("text") if not tensor.buffer]
    roles = {tensor.role for _, tensor in tensors}
    for count, tensor in tensors:
        if JOINED.get(tensor.role) in roles or tensor.role == CHOOSES:
            continue
        role, rows = tensor.role, tensor.rows
        if role in JOINED.values():
            role, rows = role.replace("gate_proj", "gate_up_proj"), 2 * rows
        size = FLOAT32 if tensor.pinned == "fp32" else method.value
        yield Parameter(role, count, rows, tensor.columns, tensor.copies, size)


JOINED = {"experts.up_proj": "experts.gate_proj", "experts.up_proj.bias": "experts.gate_proj.bias"}
"""What the modeling code holds in one tensor with the other."""
CHOOSES = "e_score_correction_bias"
"""It only decides which experts are chosen, and no gradient reaches it."""
ADAPTED = ("attention", "mlp", "shared experts", "recurrence")
"""Parts of a model whose matrices can have an adapter here."""


def _adapters(model: ModelShape, method: Method) -> Iterator[Parameter]:
    for layers, tensor in model.tensors("text"):
        if tensor.part in ADAPTED and method.adapts(tensor.role):
            for name, rows, columns in (("A", method.rank, tensor.columns), ("B", tensor.rows, method.rank)):
                role = f"{tensor.role}.lora_{name}"
                yield Parameter(role, len(layers), rows, columns, 1, method.adapter_value)
