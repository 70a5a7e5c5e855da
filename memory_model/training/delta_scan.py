"""The scan over chunks of a delta rule in a training step: modeling_qwen3_next.py torch_chunk_gated_delta_rule."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..amount import Factor, Lever
from ..engines.transformers.delta_net import CHUNK
from ..engines.transformers.live import FLOAT32, width
from .tape import Storage, Tape, Value

APART = 3
"""Chunks whose gradients are followed one by one: from then on every chunk leaves less than the one after it."""


@dataclass(frozen=True, slots=True)
class Chunks:
    """What the scan reads, each of all tokens."""

    new_values: Value
    read_keys: Value
    queries: Value
    keys: Value
    inside: Value
    named: tuple[Value, ...]
    """What local names keep while the scan runs."""

    @property
    def all(self) -> tuple[Value, ...]:
        """In the order in which their gradients appear."""
        return self.keys, self.inside, self.queries, self.read_keys, self.new_values


def scan(tape: Tape, chunks: Chunks) -> Value:
    """Every chunk keeps the values that it writes and the state that it found; its output is written into a whole."""
    values = chunks.new_values
    sequences, tokens, heads, size = values.dimensions
    number = int(tokens.value) // CHUNK
    key = chunks.keys.dimensions[-1]
    one = (sequences, heads, width("tokens of a chunk", CHUNK), size)
    matrix = (sequences, heads, key, size)

    def kept(count: int) -> tuple[Storage, Storage]:
        times = Factor("chunks", count, Lever.WORKLOAD)
        return Storage("new values", (times, *one), FLOAT32), Storage("state before", (times, *matrix), FLOAT32)

    apart = min(number, APART)
    pairs = [kept(1) for _ in range(apart)] + ([kept(number - apart)] if number > apart else [])
    output = Storage("output of all chunks", values.dimensions, FLOAT32)
    needed = chunks.all[:-1] if number > 1 else (chunks.inside, chunks.read_keys)  # the first state does not learn
    read = [value.storage for value in needed]

    def backward(gradient: Storage) -> None:
        back = _Backward(tape, chunks, list(read), gradient, one, matrix)
        for index, pair in enumerate(pairs):
            back.chunk(pair, pairs[index + 1 :])
        for value in chunks.all:
            if id(value) in back.sums:
                tape.give(value, back.sums[id(value)])

    learns = any(value.learns for value in chunks.all)
    saved = (*read, *(storage for pair in pairs for storage in pair)) if learns else ()
    pieces = [Storage("values of a chunk", one, FLOAT32) for _ in range(2)]
    states = [Storage("state before, decayed, update, after", matrix, FLOAT32) for _ in range(4)]
    with tape.naming(*chunks.named):
        tape.run("scan", *(value.storage for value in chunks.all), output, *pieces, *states)
        return tape.record("scan", output, chunks.all, saved, backward, lets_go=True, hands_on=True)


@dataclass(slots=True)
class _Backward:
    """The gradients of the scan, from the last chunk to the first: each is written into zeros of all chunks, and added up."""

    tape: Tape
    chunks: Chunks
    read: list[Storage]
    """What is kept for the chunks to come."""
    whole: Storage
    """The gradient of the output, which every chunk copies."""
    one: tuple[Factor, ...]
    """Values of a chunk."""
    matrix: tuple[Factor, ...]
    """A state."""
    state: Storage | None = None
    """The gradient of the state that a chunk leaves."""
    sums: dict[int, Storage] = field(default_factory=dict)

    def chunk(self, pair: tuple[Storage, Storage], left: list[tuple[Storage, Storage]]) -> None:
        """The gradients of one chunk, in the reverse order of its operations; `left` are those before it."""
        before, rest, first = pair[1], [storage for one in left for storage in one], not left
        turned = ("keys of a chunk", (*self.one[:-1], self.matrix[2]))
        found: tuple[Storage, ...] = ()
        new, part = self._piece("new values of a chunk", self.one), self._piece("output of a chunk", self.one)
        if self.state is not None:
            self._select(self.chunks.keys, self._piece(*turned), new, *pair, *rest, last=first)
            found = () if first else (self._piece("state", self.matrix),)
            self._run("decay", new, *found, *pair, *rest, self._piece("state", self.matrix))
        self.state = None
        copied, both = Storage(self.whole.label, self.whole.dimensions, FLOAT32), (*rest, *found)
        self._run("copy", new, *pair, *both, copied, part)
        self.whole = copied
        inside = self._piece("scores of a chunk", (*self.one[:-1], self.one[2]))
        total = self._piece("new values of a chunk", self.one)
        self._run("product", new, *pair, *both, part, inside, total)
        self._select(self.chunks.inside, inside, total, part, before, *both, last=first)
        for value, came in ((self.chunks.queries, part), (self.chunks.read_keys, total)):
            later = () if first else (self._piece("state", self.matrix),)
            piece = self._piece(*turned)
            self._run("product", total, came, before, *both, piece, *later)
            found, both = later, (*rest, *later)
            self._select(value, piece, total, before, *both, last=first)
        self.state = found[0] if found else None
        self._select(self.chunks.new_values, total, *rest)

    def _select(self, value: Value, piece: Storage, *alive: Storage, last: bool = False) -> None:
        """A piece is written into zeros of all chunks, and added to those of the chunks after it."""
        new = Storage(f"gradient of {value.storage.label}", value.dimensions, FLOAT32)
        self._run("slice", piece, *alive, new)
        if last and value.storage in self.read:
            self.read.remove(value.storage)
        before = self.sums.pop(id(value), None)
        if before is not None:
            total = Storage(new.label, new.dimensions, FLOAT32)
            self._run("sum of gradients", *alive, before, new, total)
            new = total
        self.sums[id(value)] = new

    def _run(self, name: str, *mentions: Storage) -> None:
        state = () if self.state is None else (self.state,)
        self.tape.run(name, *self.read, self.whole, *self.sums.values(), *state, *mentions)

    def _piece(self, label: str, dimensions: tuple[Factor, ...]) -> Storage:
        return Storage(f"gradient of the {label}", dimensions, FLOAT32)
