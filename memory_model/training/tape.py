"""Reverse-mode differentiation without numbers: which storages a training step holds, operation by operation.

The step is written once, forward. What each operation keeps for its gradient, and what that gradient allocates, follows
the derivative formulas of PyTorch 2.13 (tools/autograd/derivatives.yaml). The list of operations is then read like a
recording: a storage lives from the first operation that mentions it to the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..amount import Factor, Lever, Term, product


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """A piece of memory with the dimensions that decide its size; told apart by identity."""

    label: str
    dimensions: tuple[Factor, ...]
    size: Factor
    """Bytes of one value."""
    is_gradient: bool = False
    """Whether it is the gradient of a parameter, which stays until the optimizer has read it."""
    bytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bytes", int(product([factor.value for factor in self.factors])))

    @property
    def factors(self) -> tuple[Factor, ...]:
        """All factors of its bytes."""
        return (*self.dimensions, self.size)


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor that operations read: a view of a storage, and whether a gradient flows back to it."""

    storage: Storage
    learns: bool
    part: tuple[Factor, ...] = ()
    """Its dimensions, where it is a part of the storage."""

    @property
    def dimensions(self) -> tuple[Factor, ...]:
        """The dimensions of what it holds."""
        return self.part or self.storage.dimensions

    @property
    def size(self) -> Factor:
        """Bytes of one value."""
        return self.storage.size

    @property
    def value_bytes(self) -> int:
        """The same as a number."""
        return int(self.size.value)


@dataclass(frozen=True, slots=True)
class Operation:
    """One kernel: everything that it mentions is alive while it runs."""

    name: str
    mentions: tuple[Storage, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """What is remembered of a forward operation until its gradient is due."""

    output: Value
    saved: tuple[Storage, ...]
    backward: Callable[[Storage], None]
    hands_on: bool = False
    """Whether its gradient is used up by the operations of its own backward pass."""
    unpacks: bool = True
    """Whether it reads anything that was saved, its own weights included."""
    lets_go: bool = False
    """Whether what it saved is dropped with the last operation that reads it, not after the node."""
    ends: int = 0
    """How many operations of the step had run once everything was saved: an input is, before the kernel runs."""


@dataclass(slots=True)
class Tape:
    """The operations of a step in the order of their execution, and the nodes whose gradients are still due."""

    operations: list[Operation] = field(default_factory=list)
    _nodes: list[Node] = field(default_factory=list)
    _gradients: dict[int, Storage] = field(default_factory=dict)
    _recording: bool = True
    _named: list[Storage] = field(default_factory=list)
    _given: list[tuple[Value, Storage]] = field(default_factory=list)
    shared: dict[int | None, tuple[Value, Value]] = field(default_factory=dict)
    """Keys and values that layers without their own read, by the window of the layer that made them."""
    _spans: tuple[int, int, int] | None = None
    _lasting: list[Storage] = field(default_factory=list)
    weights: Value | None = None
    """The attention weights that a layer hands back, where they are written out."""
    waiting: list[Storage] = field(default_factory=list)
    """Gradients of a tied matrix that wait for those of its other use."""

    def run(self, name: str, *mentions: Storage) -> None:
        """One kernel that reads and writes these storages."""
        self.operations.append(Operation(name, (*mentions, *self._named)))

    @contextmanager
    def naming(self, *values: Value) -> Iterator[None]:
        """Local names of a function keep these alive, whether a gradient needs them or not."""
        count = len(self._named)
        self._named.extend(value.storage for value in values)
        yield
        del self._named[count:]

    def record(
        self,
        name: str,
        output: Storage,
        inputs: tuple[Value, ...],
        saved: tuple[Storage, ...],
        backward: Callable[[Storage], None],
        *,
        own: bool = False,
        unpacks: bool = False,
        lets_go: bool = False,
        hands_on: bool = False,
    ) -> Value:
        """A forward operation. `own`: it has parameters that learn, so its gradient is due whatever its inputs.

        `unpacks`: its gradient reads weights, though nothing is `saved` that was computed. The others as in `Node`.
        """
        self.run(name, *(value.storage for value in inputs), output, *saved)
        value = Value(output, own or any(value.learns for value in inputs))
        if value.learns and self._recording:
            ends = len(self.operations) - (0 if output in saved else 1)
            unpacks = unpacks or bool(saved)
            node = Node(value, saved, backward, hands_on=hands_on, unpacks=unpacks, lets_go=lets_go, ends=ends)
            self._nodes.append(node)
        return value

    def view(self, value: Value, part: tuple[Factor, ...], backward: Callable[[Storage], None]) -> Value:
        """A view of a part of the same storage, with a gradient of its own."""
        seen = Value(value.storage, value.learns, part)
        if seen.learns and self._recording:
            self._nodes.append(Node(seen, (), backward, unpacks=False))
        return seen

    def shaped(self, value: Value, *dimensions: Factor) -> Value:
        """The same values seen with other dimensions."""
        return self.view(value, dimensions, lambda gradient: self.give(value, gradient))

    def give(self, value: Value, gradient: Storage) -> None:
        """A gradient for a value; several are added up once the node is over (torch/csrc/autograd/input_buffer.cpp)."""
        if value.learns:
            self._given.append((value, gradient))

    @property
    def position(self) -> int:
        """How many nodes there are."""
        return len(self._nodes)

    def share(self, kind: int | None, both: tuple[Value, Value], before: int, after: int) -> None:
        """Keys and values for later layers. Queries were computed from the node `before` to the node `after`.

        Computed again, they keep all that was saved on their way until the whole backward pass is over.
        """
        for first, again in zip(self.shared.get(kind, ()), both, strict=False):
            self.run("replaced keys and values", first.storage, again.storage)
            self._lasting.append(again.storage)
            self._replace(first, again)
        self.shared[kind] = both
        self._spans = (before, after, len(self._nodes))

    def _replace(self, value: Value, again: Value) -> None:
        """What was computed again takes the gradient that was given for the first."""
        gradient = self._gradients.pop(id(value), None)
        if gradient is not None:
            self._gradients[id(again)] = gradient

    def _sum(self, value: Value, gradient: Storage) -> None:
        before = self._gradients.get(id(value))
        if before is not None:
            total = Storage(f"gradient of {value.storage.label}", gradient.dimensions, gradient.size)
            self.run("sum of gradients", before, gradient, total)
            gradient = total
        self._gradients[id(value)] = gradient

    def checkpoint(self, function: Callable[[Value], Value], value: Value, shared: tuple[Storage, ...]) -> Value:
        """Run without keeping anything but the input and what all layers share, and again when the gradient is due.

        It runs again once anything that it saved is asked for; gradients of its last operations that need nothing exist
        by then (torch/utils/checkpoint.py, `_checkpoint_hook`), and it stops once everything is there (`_StopRecomputationError`).
        """
        before, self._recording = self._recording, False
        output = function(value)
        self._recording = before

        def backward(gradient: Storage) -> None:
            start, first = len(self._nodes), len(self.operations)
            self._recording = True
            again = function(value)
            if self._spans is not None:
                before, after, end = self._spans
                own = (*self._nodes[start:before], *self._nodes[after:end])
                self._lasting += [one for node in own for one in node.saved]
                self._spans = None
            computed = self.operations[first : max(node.ends for node in self._nodes[start:] if node.unpacks)]
            del self.operations[first:]
            self._gradients[id(again)] = gradient
            self._back_to(start, unpacking=False)
            waiting = tuple(self._gradients.values())
            self.operations += [Operation(op.name, (*op.mentions, *waiting)) for op in computed]
            self._back_to(start)

        final = Value(output.storage, output.learns)
        if final.learns and before:
            self._nodes.append(Node(final, (value.storage, *shared), backward, hands_on=True))
        return final

    def backward(self, loss: Value, gradient: Storage) -> None:
        """Gradients of everything that the loss depends on, the latest operation first."""
        self._spans = None
        self._gradients[id(loss)] = gradient
        self._back_to(0)
        self.run("names of shared keys and values", *self._lasting)

    def _back_to(self, start: int, *, unpacking: bool = True) -> None:
        while len(self._nodes) > start and (unpacking or not self._nodes[-1].unpacks):
            node = self._nodes.pop()
            gradient = self._gradients.pop(id(node.output), None)
            if gradient is not None:
                node.backward(gradient)
                given, self._given = self._given, []
                kept = () if node.lets_go else node.saved
                self.run("release", *(() if node.hands_on else (gradient,)), *kept, *(one for _, one in given))
                for value, one in given:
                    self._sum(value, one)


@dataclass(frozen=True, slots=True)
class Instant:
    """The operation at which most is alive, and what is."""

    name: str
    alive: tuple[Storage, ...]
    to_come: tuple[Storage, ...]
    """Gradients of parameters that do not exist yet."""


def busiest(operations: list[Operation]) -> Instant:
    """The operation with the most bytes alive."""
    first: dict[Storage, int] = {}
    last: dict[Storage, int] = {}
    for index, operation in enumerate(operations):
        for storage in operation.mentions:
            first.setdefault(storage, index)
            last[storage] = index
    change = [0] * (len(operations) + 1)
    for storage, index in first.items():
        change[index] += storage.bytes
        change[last[storage] + 1 if not storage.is_gradient else len(operations)] -= storage.bytes
    most = held = 0
    peak = 0
    for index in range(len(operations)):
        held += change[index]
        if held > most:
            most, peak = held, index
    alive = (s for s, i in first.items() if i <= peak and (s.is_gradient or last[s] >= peak))
    to_come = (s for s, i in first.items() if s.is_gradient and i > peak)
    return Instant(operations[peak].name, tuple(alive), tuple(to_come))


def terms(storages: tuple[Storage, ...], part: str, *more: Factor) -> tuple[Term, ...]:
    """One term for all storages of the same label and dimensions, the largest first."""
    counted: dict[tuple[str, tuple[Factor, ...]], int] = {}
    for storage in storages:
        key = (storage.label, storage.factors)
        counted[key] = counted.get(key, 0) + 1
    found = [
        Term(label, (*((Factor("tensors", n, Lever.MODEL),) if n > 1 else ()), *factors, *more), part=part)
        for (label, factors), n in counted.items()
    ]
    return tuple(sorted(found, key=lambda term: -abs(int(term.bytes))))
