"""The first bar: the learned numbers."""

from __future__ import annotations

from functools import lru_cache

from .amount import Component, Evidence, Factor, Lever, Moment, Term
from .deployment import Deployment
from .model_shape import ModelShape
from .number_formats import Formats
from .precision import WeightScheme, stored


def weights(deployment: Deployment) -> Component:
    """Every parameter of the model in the number format of its role, in bytes; tied tensors are stored once."""
    evidence = (
        Evidence.EXACT
        if deployment.model.dtype_stated or deployment.scheme.name != deployment.model.dtype
        else Evidence.ASSUMED
    )
    note = "" if evidence is Evidence.EXACT else "the file does not state the type of the checkpoint; 16-bit is assumed"
    terms = _terms(deployment.model, deployment.scheme, deployment.parts, deployment.formats)
    return Component("weights", (Moment("always", terms),), evidence, note)


@lru_cache(maxsize=256)
def _terms(model: ModelShape, scheme: WeightScheme, parts: str, formats: Formats) -> tuple[Term, ...]:
    terms = []
    for layers, tensor, name in stored(model, scheme, parts):
        for plane in formats[name].planes:
            label = tensor.role if plane.name == "values" else f"{tensor.role}: {plane.name}"
            count = Factor("layers", layers, Lever.MODEL)
            experts = Factor("experts", tensor.copies, Lever.MODEL)
            terms.append(
                Term(
                    label,
                    (
                        *((count,) if layers > 1 else ()),
                        *((experts,) if tensor.copies > 1 else ()),
                        *plane.factors(tensor.rows, tensor.columns, name),
                    ),
                    formats[name].source,
                    tensor.part,
                )
            )
    return tuple(terms)
