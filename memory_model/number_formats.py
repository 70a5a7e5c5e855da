"""How many bytes a matrix of numbers takes in each storage format."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .amount import Factor, Lever


@dataclass(frozen=True, slots=True)
class Plane:
    """One of the arrays that together store a matrix, such as the codes, the scales or the zero points.

    One entry of `bits` bits serves `columns` consecutive values of a row, in `rows` rows. With `flat`, the matrix is
    cut into runs of `columns` values regardless of its rows. `per_tensor` entries exist once per tensor.
    """

    name: str
    bits: int
    columns: int = 1
    rows: int = 1
    flat: bool = False
    per_tensor: bool = False

    def factors(self, rows: int, columns: int, format_name: str) -> tuple[Factor, ...]:
        """Factors whose product is the bytes of this plane for a `rows` x `columns` matrix."""
        size = Factor(f"bytes per {_entry(self)}", _whole(Fraction(self.bits, 8)), Lever.PRECISION, format_name)
        if self.per_tensor:
            return (size,)
        if self.flat:
            runs = -(-rows * columns // self.columns)
            return (Factor("runs", runs, Lever.MODEL, f"{rows:,} × {columns:,} values / {self.columns}"), size)
        down = -(-rows // self.rows)
        across = -(-columns // self.columns)
        return (
            Factor("rows", down, Lever.MODEL, f"{rows:,} / {self.rows}" if self.rows > 1 else ""),
            Factor(
                "values per row" if self.columns == 1 else "blocks per row",
                across,
                Lever.MODEL,
                f"{columns:,} values / {self.columns}" if self.columns > 1 else "",
            ),
            size,
        )


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """A way to store numbers, as the planes that it is made of: bf16 is one plane of 16 bits per value."""

    name: str
    planes: tuple[Plane, ...]
    source: str = ""

    def __hash__(self) -> int:
        """Of the name alone, which is quick."""
        return hash(self.name)

    @property
    def bits_per_value(self) -> float:
        """Bits per value of a large matrix, scales and zero points included."""
        return sum(p.bits / (p.columns * p.rows) for p in self.planes if not p.per_tensor)

    @property
    def block(self) -> int:
        """Values of a row that are stored together."""
        return max(plane.columns for plane in self.planes)

    def row_factors(self, heads: Factor, width: Factor) -> tuple[Factor, ...]:
        """Factors whose product is the bytes of one cache row of `heads` x `width` values.

        Raises ValueError for formats that need more than one plane: no engine keeps its cache in such a format.
        """
        if len(self.planes) != 1:
            raise ValueError(f"{self.name} cannot store a KV cache")
        plane = self.planes[0]
        size = Factor(f"bytes per {_entry(plane)}", _whole(Fraction(plane.bits, 8)), Lever.PRECISION, self.name)
        if plane.columns == 1:
            return (heads, width, size) if heads.value != 1 else (width, size)
        values = int(heads.value) * int(width.value)
        note = f"{heads.value:,} × {width.value:,} values / {plane.columns}"
        return (Factor("blocks per row", -(-values // plane.columns), Lever.MODEL, note), size)


class Formats(dict[str, NumberFormat]):
    """All number formats by name. Nothing is added later: they are a key of results that are kept."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))


def _entry(plane: Plane) -> str:
    if plane.name == "values":
        return "value" if plane.columns == 1 else "block"
    return plane.name.removesuffix("s")


def _whole(value: Fraction) -> int | Fraction:
    return int(value) if value.denominator == 1 else value
