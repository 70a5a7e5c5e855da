"""Headers of safetensors files: 8 bytes of length, then JSON with the type, shape and place of every tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, TypeGuard

from ..errors import InputError
from ..files.plain_json import read_json

LARGEST_HEADER = 100_000_000
"""Bytes; the limit of the safetensors library itself."""
LARGEST_INDEX = 64 * 2**20
MOST_SHARDS = 10_000
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4,
    "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class HeaderEntry:
    """One tensor of a file."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Bytes that it takes in the file."""
        return prod(self.shape) * BITS[self.dtype] // 8


def read_folder(folder: Path) -> tuple[HeaderEntry, ...]:
    """Every tensor of the checkpoint in a folder, by its headers; empty where the folder holds none.

    Raises InputError for a file that is truncated, lies about itself, or is named outside the folder.
    """
    if (folder / INDEX).exists():
        return _read_shards(folder)
    return read_file(_inside(folder, SINGLE)) if (folder / SINGLE).exists() else ()


def read_file(path: Path) -> tuple[HeaderEntry, ...]:
    """Every tensor of one file. Raises InputError for a header that does not fit the file."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise InputError(f"{path}: is no file; check the folder")
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(LARGEST_HEADER, size - 8):
                raise InputError(
                    f"{path}: its header is said to be {length:,} bytes long, the file is {size:,} (at most "
                    f"{LARGEST_HEADER:,} are read); download it again"
                )
            header = _json(file.read(length), path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the folder") from None
    return _entries(header, size - 8 - length, path)


def _read_shards(folder: Path) -> tuple[HeaderEntry, ...]:
    index = _inside(folder, INDEX)
    try:
        if index.stat().st_size > LARGEST_INDEX:
            raise InputError(f"{index}: larger than {LARGEST_INDEX // 2**20} MiB; check the file")
        places = _json(index.read_bytes(), index).get("weight_map")
    except OSError as error:
        raise InputError(f"{index}: cannot be read ({error.strerror}); check the folder") from None
    if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
        raise InputError(f"{index} › weight_map: expected tensors and the files that hold them; check the file")
    shards = sorted(set(places.values()))
    if len(shards) > MOST_SHARDS:
        raise InputError(f"{index} › weight_map: {len(shards):,} files; check the file")
    found = tuple(entry for shard in shards for entry in read_file(_inside(folder, shard)))
    names = {entry.name for entry in found}
    for name in places:
        if name not in names:
            raise InputError(f"{index} › weight_map › {name:.80}: no shard holds it; download the checkpoint again")
    return tuple(entry for entry in found if entry.name in places)


def _inside(folder: Path, name: str) -> Path:
    """The file of a plain name in a folder; a link may only lead into it, or to the blobs of the Hub's cache."""
    if not name.endswith((".safetensors", ".json")) or name != Path(name).name or "\\" in name or "\0" in name:
        raise InputError(f"{folder}: {name!r:.80} is not a plain file name; check {INDEX}")
    if not name.isprintable():
        raise InputError(f"{folder}: {name!r:.80} has letters that no file's name should have; check {INDEX}")
    path = folder / name
    try:
        real, home = path.resolve(), folder.resolve()
    except (OSError, RuntimeError):  # a loop of links is a RuntimeError before Python 3.13
        raise InputError(f"{path}: leads nowhere; copy the file into the folder") from None
    if real.parent != home and real.parent != home.parent.parent / "blobs":
        raise InputError(f"{path}: leads out of the folder; copy the file into it")
    return path


def _json(text: bytes, path: Path) -> Mapping[str, Any]:
    try:
        found = read_json(text.decode(), f"{path} › header", "download it again")
    except UnicodeDecodeError:
        raise InputError(f"{path} › header: not JSON in UTF-8; download it again") from None
    if not isinstance(found, dict):
        raise InputError(f"{path} › header: not a mapping; download it again")
    return found


def _entries(header: Mapping[str, Any], available: int, path: Path) -> tuple[HeaderEntry, ...]:
    found, spans = [], []
    for name, value in header.items():
        if name == "__metadata__":
            continue
        entry, span = _entry(name, value, path)
        found.append(entry)
        spans.append(span)
    end = 0
    for start, stop in sorted(spans):
        if start != end:
            raise InputError(f"{path}: its tensors overlap or leave holes at byte {start:,}; download it again")
        end = stop
    if end != available:
        raise InputError(
            f"{path}: its header describes {end:,} bytes of tensors, but {available:,} follow; download it again"
        )
    return tuple(found)


def _entry(name: str, value: Any, path: Path) -> tuple[HeaderEntry, tuple[int, int]]:
    where = f"{path} › {name:.80}"
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected dtype, shape and data_offsets; download it again")
    dtype, shape, span = value.get("dtype"), value.get("shape"), value.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in BITS:
        raise InputError(f"{where} › dtype: {dtype!r:.40} is not understood; known: {', '.join(BITS)}")
    if not _whole_numbers(shape) or len(shape) > 16:
        raise InputError(f"{where} › shape: expected whole numbers, got {shape!r:.60}; download it again")
    entry = HeaderEntry(name, dtype, tuple(shape))
    if not _whole_numbers(span) or len(span) != 2 or span[1] - span[0] != entry.bytes:
        raise InputError(f"{where} › data_offsets: {span!r:.60} are not its {entry.bytes:,} bytes; download it again")
    return entry, (span[0], span[1])


def _whole_numbers(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 2**60 for item in value)
