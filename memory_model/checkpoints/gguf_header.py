"""The header of a GGUF file: its metadata and the list of its tensors, from its first megabytes.

`gguf.GGUFReader` maps the whole file and wants the data to be there; a header alone, and one that lies, must be
readable too. Layout: ggml docs/gguf.md, versions 2 and 3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from os import fstat
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError

MOST_KEYS, MOST_TENSORS, MOST_ITEMS, LONGEST_TEXT = 10_000, 100_000, 2**22, 2**26
"""Of a whole file; the largest real ones have a hundred keys, 2,000 tensors and 800,000 items in lists."""
KEPT_ITEMS = 10_000
"""Longer lists of numbers, such as the scores of a vocabulary, are passed over: no list with an entry a layer is longer."""
LARGEST_HEADER = 2**28
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
TEXT, ARRAY = 8, 9
TYPES = {
    0: "f32", 1: "f16", 2: "q4_0", 3: "q4_1", 6: "q5_0", 7: "q5_1", 8: "q8_0", 10: "q2_k", 11: "q3_k", 12: "q4_k",
    13: "q5_k", 14: "q6_k", 16: "iq2_xxs", 17: "iq2_xs", 18: "iq3_xxs", 19: "iq1_s", 20: "iq4_nl", 21: "iq3_s",
    22: "iq2_s", 23: "iq4_xs", 24: "int8", 25: "int16", 26: "int32", 27: "int64", 28: "fp64", 29: "iq1_m", 30: "bf16",
    34: "tq1_0", 35: "tq2_0", 39: "mxfp4",
}  # fmt: skip
"""Number formats by ggml's ids (gguf 0.19.0 GGMLQuantizationType)."""


@dataclass(frozen=True, slots=True)
class FileTensor:
    """One tensor: `dimensions` begin with the width of a row."""

    name: str
    dimensions: tuple[int, ...]
    type: str

    @property
    def values(self) -> int:
        """How many numbers it holds."""
        return prod(self.dimensions)


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a file says of itself, without lists of texts and long lists: vocabularies are not needed."""

    metadata: dict[str, Any]
    tensors: tuple[FileTensor, ...]


def read_header(path: Path) -> GgufHeader:
    """The header of one file, whose data need not be there. Raises InputError for what is no GGUF or lies."""
    try:
        with path.open("rb") as file:
            return _Reader(file, path).header()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the path of a .gguf file") from None


class _Reader:
    """Reads little-endian values one after the other and counts every byte."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.file, self.path, self.read, self.items = file, path, 0, 0
        self.size = fstat(file.fileno()).st_size

    def header(self) -> GgufHeader:
        if self.bytes(4) != b"GGUF":
            raise self.error("does not begin with GGUF", "give the path of a .gguf file")
        version = self.number("I")
        if version not in (2, 3):
            raise self.error(
                f"GGUF version {version} is not understood", "known: 2, 3; files of other machines are not"
            )
        tensors = self.count("Q", MOST_TENSORS, "tensors")
        keys = self.count("Q", MOST_KEYS, "keys")
        metadata: dict[str, Any] = {}
        for _ in range(keys):
            key = self.text()
            if key in metadata:
                raise self.error(f"{key!r:.80} stands twice", "download it again")
            metadata[key] = self.value(self.number("I"), key)
        found = {tensor.name: tensor for tensor in (self.tensor() for _ in range(tensors))}
        if len(found) < tensors:
            raise self.error("a tensor stands twice", "download it again")
        return GgufHeader({key: value for key, value in metadata.items() if value is not None}, tuple(found.values()))

    def tensor(self) -> FileTensor:
        name = self.text()
        dimensions = tuple(self.number("Q") for _ in range(self.count("I", 4, f"dimensions of {name:.80}")))
        kind = self.number("I")
        self.number("Q")
        if kind not in TYPES:
            raise self.error(f"type {kind} of {name:.80} is not understood", "known: those of gguf 0.19.0")
        if not dimensions or not 1 <= prod(dimensions) < 2**60:
            raise self.error(f"{name:.80} has the dimensions {list(dimensions)}", "download it again")
        return FileTensor(name, dimensions, TYPES[kind])

    def value(self, kind: int, key: str) -> Any:
        if kind == TEXT:
            return self.text()
        if kind in SCALARS:
            return self.number(SCALARS[kind])
        if kind != ARRAY:
            raise self.error(f"value type {kind} of {key:.80} is not understood", "download it again")
        items, length = self.number("I"), self.count("Q", MOST_ITEMS - self.items, f"items of {key:.80}")
        self.items += length
        if items == TEXT:
            for _ in range(length):
                self.bytes(self.count("Q", LONGEST_TEXT, "letters"))
            return None
        if items not in SCALARS:
            raise self.error(f"list of type {items} in {key:.80} is not understood", "download it again")
        content = self.bytes(length * struct.calcsize(f"<{SCALARS[items]}"))
        return list(struct.unpack(f"<{length}{SCALARS[items]}", content)) if length <= KEPT_ITEMS else None

    def text(self) -> str:
        return self.bytes(self.count("Q", LONGEST_TEXT, "letters")).decode("utf-8", errors="replace")

    def count(self, kind: str, most: int, what: str) -> int:
        found = self.number(kind)
        if found > most:
            raise self.error(f"{found:,} {what} are more than {most:,}", "download it again")
        return int(found)

    def number(self, kind: str) -> Any:
        return struct.unpack(f"<{kind}", self.bytes(struct.calcsize(f"<{kind}")))[0]

    def bytes(self, length: int) -> bytes:
        self.read += length
        if self.read > LARGEST_HEADER:
            raise self.error("its header is larger than 256 MiB", "download it again")
        if self.read > self.size:
            raise self.error("ends within its header", "download it again")
        return self.file.read(length)

    def error(self, problem: str, repair: str) -> InputError:
        return InputError(f"{self.path}: {problem}; {repair}")
