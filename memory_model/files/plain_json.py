"""JSON from outside, read as plain data: no key stands twice, and whatever cannot be read is an InputError."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from ..errors import InputError


class _Refused(ValueError):
    """What the grammar allows and this program does not."""


def read_json(text: str, where: str, repair: str, *, infinite: bool = False) -> Any:
    """The data of a JSON text; `where` names it in errors, which end with `repair`.

    A byte order mark is passed over. `infinite` lets Python's spellings of numbers that are none stand, as the
    `Infinity` of real config files. Raises InputError for what is not JSON, a key that stands twice, or a number of
    more than 4,300 digits.
    """
    try:
        return json.loads(
            text.removeprefix("\ufeff"),
            object_pairs_hook=_once,
            parse_constant=float if infinite else _no_number,
        )
    except json.JSONDecodeError as error:
        reason = f"{error.msg} in line {error.lineno}"
    except RecursionError:
        reason = "too deeply nested"
    except _Refused as error:
        reason = str(error)
    except ValueError:
        reason = "a number has too many digits"
    raise InputError(f"{where}: not JSON ({reason}); {repair}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise _Refused(f"the key {twice!r:.80} stands twice")
    return found


def _no_number(name: str) -> Any:
    raise _Refused(f"{name} is no number")
