"""The measured tables of the repository, and what a comparison with them is."""

from __future__ import annotations

import csv
from pathlib import Path

from ..errors import InputError

MEASURED = Path(__file__).parent.parent.parent / "tests" / "measured"
Row = dict[str, str]
Pair = tuple[str, float, float]
"""A quantity, its prediction and its measurement, in bytes."""


def table(name: str) -> list[Row]:
    """The rows of a measured table. Raises InputError where it is not at hand."""
    try:
        return list(csv.DictReader((MEASURED / name).read_text(encoding="utf-8").splitlines()))
    except OSError:
        raise InputError(f"{name}: the measured tables are not here; run this in a clone of the repository") from None
