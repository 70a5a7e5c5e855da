"""Tables as an Excel workbook: whole bytes as numbers, one sheet a table."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from .tables import cell

UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 (section 2.2) does not have."""


def workbook(sheets: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """An .xlsx file with one sheet a table; the rows of a table share their keys, which head the columns."""
    file = Workbook()
    del file["Sheet"]
    for name, rows in sheets.items():
        sheet = file.create_sheet(name[:31])
        keys = list(rows[0]) if rows else []
        for row in (keys, *([row[key] for key in keys] for row in rows)):
            sheet.append([_written(cell(value)) for value in row])
        for number, key in enumerate(keys, 1):
            sheet.cell(1, number).font = Font(bold=True)
            longest = max([len(key), *(len(f"{row[key]}") for row in rows)])
            sheet.column_dimensions[get_column_letter(number)].width = min(60, longest + 4)
            for place in sheet[get_column_letter(number)][1:]:
                if isinstance(place.value, int):
                    place.number_format = "#,##0"
        sheet.freeze_panes = "A2"
    out = io.BytesIO()
    file.save(out)
    return out.getvalue()


def _written(value: Any) -> Any:
    """Without what a workbook's XML cannot hold."""
    return UNWRITABLE.sub("\ufffd", value) if isinstance(value, str) else value
