"""Columns of plain values as a pandas frame, and as a small HTML table for notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from importlib import import_module
from typing import Any

Columns = Mapping[str, Any]
"""Lists or arrays of one length, by the names of the columns."""


def frame(columns: Columns) -> Any:
    """A pandas DataFrame of the columns. Raises ImportError, with the repair, where pandas is not installed."""
    try:
        pandas = import_module("pandas")
    except ImportError:
        raise ImportError("to_frame() needs pandas, which is not installed; pip install pandas") from None
    return pandas.DataFrame(dict(columns))


def html(caption: str, columns: Columns) -> str:
    """A table with the caption above it; whole numbers by thousands and to the right, every text escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in zip(*columns.values(), strict=True))
    style = "caption-side: top; text-align: left; white-space: nowrap"
    return f'<table><caption style="{style}">{escape(caption)}</caption><tr>{head}</tr>{rows}</table>'


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f'<td style="text-align: right">{value:,}</td>'
    return f"<td>{escape(str(value))}</td>"
