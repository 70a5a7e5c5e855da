"""A server's log may hold several loads of a model, and a load several contexts; figures of one are compared."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .log import Printed

BEGINS = tuple(
    map(re.compile, ("loaded meta data with", "loading model tensors", "ggml ctx size", r"offloaded \d+/\d+ layers"))
)
"""Lines of which a load of llama.cpp has one, the surest first."""


def last_load(lines: Sequence[str], printed: Sequence[Printed]) -> tuple[str, list[Printed]]:
    """The text and the figures of the load with the most weights, of equal ones the last, without earlier contexts."""
    starts: list[int] = []
    for begins in BEGINS:
        starts = [number for number, line in enumerate(lines, 1) if begins.search(line)]
        if starts:
            break
    if len(starts) < 2:
        return "\n".join(lines), _last_context(printed)
    ends = [*starts[1:], len(lines) + 1]
    figures, start, end = max(
        (([figure for figure in printed if start <= figure.line < end], start, end) for start, end in zip(starts, ends, strict=True)),
        key=lambda load: (_complete(load[0]), _weights(load[0]), load[1]),
    )  # fmt: skip
    return "\n".join([*lines[: starts[0] - 1], *lines[start - 1 : end - 1]]), _last_context(figures)


def _complete(figures: Sequence[Printed]) -> int:
    return len({figure.quantity for figure in figures} & {"weights", "kv_cache", "compute"})


def _weights(figures: Sequence[Printed]) -> float:
    return sum(figure.value for figure in figures if figure.quantity == "weights")


def _last_context(printed: Sequence[Printed]) -> list[Printed]:
    """Without the buffers of contexts that were made before the last, as `--fit` does to measure."""
    lines: dict[str, list[int]] = {}
    for figure in printed:
        if figure.quantity == "compute" and figure.place:
            lines.setdefault(figure.place, []).append(figure.line)
    before = max((found[-2] for found in lines.values() if len(found) > 1), default=0)
    return [figure for figure in printed if figure.line > before or figure.quantity == "weights"]
