"""Tables as an Excel workbook: whole bytes as numbers, one sheet a table."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

FORMULA_SIGNS = ("=", "+", "-", "@")


def workbook(sheets: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """An .xlsx file with one sheet a table; the rows of a table share their keys, which head the columns."""
    file = Workbook()
    del file["Sheet"]
    for name, rows in sheets.items():
        sheet = file.create_sheet(name[:31])
        keys = list(rows[0]) if rows else []
        sheet.append(keys)
        for row in rows:
            sheet.append([_cell(row[key]) for key in keys])
        for number, key in enumerate(keys, 1):
            sheet.cell(1, number).font = Font(bold=True)
            longest = max([len(key), *(len(f"{row[key]}") for row in rows)])
            sheet.column_dimensions[get_column_letter(number)].width = min(60, longest + 4)
            for cell in sheet[get_column_letter(number)][1:]:
                if isinstance(cell.value, int):
                    cell.number_format = "#,##0"
        sheet.freeze_panes = "A2"
    out = io.BytesIO()
    file.save(out)
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Numbers as they are; text so that no spreadsheet takes it for a formula."""
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text
