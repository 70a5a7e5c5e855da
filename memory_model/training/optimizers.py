"""What an optimizer keeps of every parameter, and what it allocates while it steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ..amount import Factor, Lever, Moment, Term
from .parameters import Parameter

STEP = "optimizer step"
"""The moment when the parameters are updated."""
FLOAT32 = Factor("bytes per value", 4, Lever.PRECISION, "float32")
BLOCK, SMALL = 256, 4096
"""Values with one scale, and tensors that stay in float32 (bitsandbytes 0.50 Optimizer2State, min_8bit_size)."""
ADAMW = "torch 2.13 optim/adam.py _multi_tensor_adam, foreach as on CUDA"
EIGHT_BIT = "arXiv:2110.02861 §2; bitsandbytes 0.50 optim/optimizer.py Optimizer2State"
SGD = "torch 2.13 optim/sgd.py"
ADAFACTOR = "arXiv:1804.04235 §4; torch 2.13 optim/_adafactor.py, one parameter at a time"
MASTER = "arXiv:1710.03740 §3.1"


@dataclass(frozen=True, slots=True)
class Optimizer:
    """One optimizer over the parameters that learn."""

    name: str
    parameters: tuple[Parameter, ...]
    master: bool
    """Whether it updates a float32 copy of every parameter."""

    def size(self, parameter: Parameter) -> Factor:
        """Bytes of a value of the parameter that is updated: torch keeps states in its format."""
        return FLOAT32 if self.master else parameter.size

    def states(self) -> tuple[Term, ...]:
        """What stays from step to step."""
        found: list[Term] = []
        if self.master:
            found.extend(
                Term("master weights", (*p.factors, FLOAT32), MASTER, "master weights") for p in self.parameters
            )
        for parameter in self.parameters:
            found.extend(self._of(parameter))
        if self.name == "adamw-8bit" and any(parameter.values >= SMALL for parameter in self.parameters):
            tables = (
                Factor("tables", 2, Lever.ENGINE, "signed, unsigned"),
                Factor("codes", 256, Lever.ENGINE),
                FLOAT32,
            )
            found.append(Term("code tables", tables, EIGHT_BIT))
        return tuple(found)

    def _of(self, parameter: Parameter) -> Iterator[Term]:
        size, both = self.size(parameter), Factor("averages", 2, Lever.ENGINE, "of gradients, of their squares")
        if self.name in ("adamw", "adamw-fused"):
            yield Term("averages", (*parameter.factors, both, size), ADAMW, "averages")
        elif self.name == "adamw-8bit" and parameter.values < SMALL:
            yield Term("averages of a small tensor", (*parameter.factors, both, FLOAT32), EIGHT_BIT, "averages")
        elif self.name == "adamw-8bit":
            byte = Factor("bytes per value", 1, Lever.PRECISION, "8-bit")
            blocks = Factor("blocks", -(-parameter.values // BLOCK), Lever.ENGINE, f"of {BLOCK} values")
            yield Term("averages", (*parameter.factors, both, byte), EIGHT_BIT, "averages")
            yield Term("scales of the averages", (parameter.count, blocks, both, FLOAT32), EIGHT_BIT, "scales")
        elif self.name == "sgd-momentum":
            yield Term("momentum", (*parameter.factors, size), SGD, "momentum")
        elif self.name == "adafactor" and parameter.columns == 1:
            yield Term("average of squares", (*parameter.factors, size), ADAFACTOR, "averages")
        elif self.name == "adafactor":
            for name, values in (("rows", parameter.rows), ("columns", parameter.columns)):
                number = Factor(name, parameter.copies * values, Lever.MODEL)
                yield Term(f"average of squares by {name}", (parameter.count, number, size), ADAFACTOR, "averages")

    def stepping(self) -> Moment:
        """What is alive while the parameters are updated, above all gradients and states."""
        found: list[Term] = []
        if self.master:
            found.extend(Term("gradients in float32", (*p.factors, FLOAT32), MASTER) for p in self.parameters)
        if self.name == "adamw":
            label = "roots of the averaged squares"
            found.extend(Term(label, (*p.factors, self.size(p)), ADAMW) for p in self.parameters)
        if self.name == "adafactor":
            found.extend(self._updates())
        return Moment(STEP, tuple(found))

    def _updates(self) -> tuple[Term, ...]:
        """The update of one parameter, while that of the parameter before still has its name."""
        updates = [Term(f"update of {p.role}", (*p.factors[1:], self.size(p)), ADAFACTOR) for p in self.parameters]
        pairs = [*pairwise(updates), (updates[0],)]
        return max(pairs, key=lambda pair: sum(int(term.bytes) for term in pair))
