"""Text from outside, of a real file or of standard input: no larger than expected, in UTF-8."""

from __future__ import annotations

import sys
from pathlib import Path

from ..errors import InputError


def read_text(path: Path, largest: int, repair: str) -> str:
    """The text of a file of at most `largest` bytes; a byte order mark is passed over.

    `repair` says in errors what to give instead. Raises InputError for what is missing, no regular file (a pipe or a
    device never ends), too large, or no text.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is no file; {repair}")
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {repair}") from None
    except ValueError:  # letters that no file's name can have
        raise InputError(f"{str(path)!r:.80}: no file can have this name; {repair}") from None
    return _text(content, str(path), largest, repair)


def read_standard_input(largest: int, repair: str) -> str:
    """The same of standard input, in UTF-8 whatever the terminal speaks; also where there is none."""
    if sys.stdin is None:
        raise InputError(f"standard input: closed; {repair}")
    return _text(sys.stdin.buffer.read(largest + 1), "standard input", largest, repair)


def _text(content: bytes, name: str, largest: int, repair: str) -> str:
    if len(content) > largest:
        raise InputError(f"{name}: larger than {largest // 2**20} MiB; {repair}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name}: not text in UTF-8; {repair}") from None
