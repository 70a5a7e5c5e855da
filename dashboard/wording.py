"""How amounts and counts are written on the page: one unit for the page, three digits, and text that stays text."""

from __future__ import annotations

import re
import string
from decimal import ROUND_HALF_UP, Decimal

from memory_model.amount import MemoryBreakdown

UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")
"""What has no picture, turns the writing round, or is half a letter, which cannot be sent."""
TURNED = re.compile(r":(?=[\w+/-]+:)|(?<=http):(?=//)|(?<=https):(?=//)|www(?=\.)|@(?=\w)", re.IGNORECASE)
"""Where Streamlit makes icons and links of text, escaped or not."""
JOINED = "\u2060"
"""Takes no room and breaks no line, but breaks such a word."""
UNITS = {"GiB": 2**30, "GB": 10**9}
PHASES = {
    "prefill": "prefill, while the prompt is read",
    "decode": "decode, while the answer is written",
    "first_decode": "the first token after the prompt",
}


def amount(size: float, unit: str) -> str:
    """Bytes as `16.1 GiB`: two decimals below 10, one below 100, none above; JavaScript writes them alike.

    From a million on in words, as `2.50 million GiB`.
    """
    value, words = size / UNITS[unit], ""
    if abs(value) >= 1e6:
        value, words = (value / 1e9, " billion") if abs(value) >= 1e9 else (value / 1e6, " million")
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    shown = Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    shown = shown or abs(shown)  # no negative zero
    return f"{shown:,f}{words} {unit}".replace("-", "−")


def signed(number: float) -> str:
    """`+1.20`, `−0.05`, `0.00`: two decimals, and a sign where they show that there is something."""
    shown = f"{number:+.2f}"
    return "0.00" if shown in ("+0.00", "-0.00") else shown.replace("-", "−")


def beside(memory: MemoryBreakdown, unit: str) -> str:
    """` and 8.47 GiB of host memory`; empty where nothing is kept beside the device."""
    held = sum(int(part.bytes) for part in memory.host)
    return f" and {amount(held, unit)} of host memory" if held else ""


def digits(number: float) -> str:
    """A number that is no amount of memory: `0.0048`, `7.03`, `251`, `10,500`; three digits below 1,000, none after a point above."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def share(part: int, of: int) -> str:
    """`65.4 %`; what is less than a thousandth, and not nothing, is `under 0.1 %`."""
    return "under 0.1 %" if 0 < 1000 * part < of else f"{100 * part / max(of, 1):.1f} %"


def count(number: int, one: str) -> str:
    """`1 sequence`, `8,192 tokens`."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def plain(text: str) -> str:
    """The text with every mark escaped, so that Markdown shows it as it is written."""
    flat = TURNED.sub(rf"\g<0>{JOINED}", UNSEEN.sub(" ", text))
    return "".join(f"\\{mark}" if mark in string.punctuation else mark for mark in flat)
