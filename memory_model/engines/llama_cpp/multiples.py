"""Bytes of a graph's tensors as sums of whole multiples of tokens, outputs, sequences and cells.

One graph with numbers so large, and so far apart, that each multiple can be read off the digits of a size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .prompt import FAR, NEAR, Settings

LARGEST = 2**59
"""Multiples are smaller; the numbers of `readable` are further apart."""
TOLD = (2**300, 2**480, 2**720, 2**900)
"""Blocks and kept rows of compressed pasts in `readable`."""
SMALL_TOLD = (13, 17, 19, 23)
FAR_CELLS, SMALL_FAR_CELLS = 2**1020, 900
SMALL = (3, 2, 500, 700, 300, 11)
"""Tokens of a sequence, sequences, cells with and without a window, picked ones, and other sequences, of a small context."""


def structure(settings: Settings) -> Settings:
    """Equal for contexts whose graphs differ in nothing but sizes: with numbers that only say which are alike.

    Where attention has a part for each stream, their number stays, and whether each has one token or several.
    """
    if settings.blocks:
        tokens = settings.streams * (1 if settings.tokens == settings.streams else 2)
        outputs = tokens if settings.outputs == settings.tokens else 1
        return replace(settings, tokens=tokens, outputs=outputs, cells=1, picked=1, few=settings.fewness)
    return replace(
        settings,
        tokens=2,
        outputs=2 if settings.outputs == settings.tokens else 1,
        sequences=2,
        streams=1 if settings.streams == 1 and settings.sequences > 1 else 2,
        cells=1,
        window_cells=min(settings.window_cells, 1),
        picked=min(settings.picked, 1),
        others=min(settings.others, 1),
        far_cells=min(settings.far_cells, 1),
        told=(),
        few=settings.fewness,
    )


def readable(alike: Settings) -> Settings:
    """A context of this structure in whose sizes every multiple can be read."""
    numbers = (2**120 + 3, 2**60 + 1, 2**360 + 7, 2**600 + 9, 2**780 + 11, 2**840 + 13)
    return _compressing(_with(alike, *numbers, outputs=2**240 + 5), FAR_CELLS, TOLD)


def small(alike: Settings) -> Settings:
    """A context of this structure against which multiples are checked."""
    return _compressing(_with(alike, *SMALL, outputs=5), SMALL_FAR_CELLS, SMALL_TOLD)


def _compressing(settings: Settings, far_cells: int, told: tuple[int, ...]) -> Settings:
    """With these numbers of a compressed past, where there is one."""
    return replace(settings, far_cells=far_cells, told=told) if settings.far_cells else settings


def _with(
    alike: Settings, each: int, sequences: int, cells: int, window_cells: int, picked: int, others: int, outputs: int
) -> Settings:
    block = alike.blocks or 1
    if alike.blocks:
        sequences, each = alike.sequences, 1 if alike.tokens == alike.streams else each
    tokens = each * sequences
    return replace(
        alike,
        tokens=tokens,
        outputs=tokens if alike.outputs == alike.tokens else outputs,
        sequences=sequences,
        streams=1 if alike.streams == 1 else sequences,
        cells=cells * block,
        window_cells=window_cells * alike.window_cells,
        picked=picked * block * alike.picked,
        others=others * alike.others,
    )


def terms(settings: Settings) -> list[int]:
    """What the bytes of every tensor are sums of whole multiples of."""
    n, streams = settings.tokens, settings.streams
    if settings.blocks:
        each, cells, picked = n // streams, settings.cells // settings.blocks, settings.picked // settings.blocks
        return [
            1,
            each,
            cells,
            each * cells,
            picked,
            each * picked,
            *([settings.outputs] if settings.outputs != n else []),
        ]
    if settings.far_cells:
        return _terms_of_pasts(settings)
    each = n // settings.sequences
    found = [1, n, settings.sequences, each, n * each, n * settings.cells, streams * settings.cells]
    if settings.window_cells:
        found += [n * settings.window_cells, streams * settings.window_cells]
    if settings.picked:
        found.append(n * settings.picked)
    if settings.others:
        found.append(settings.others)
    if settings.outputs != n:
        found.append(settings.outputs)
    return found


def _terms_of_pasts(settings: Settings) -> list[int]:
    n, streams = settings.tokens, settings.streams
    held = (settings.window_cells, settings.cells, settings.far_cells)
    found = [1, n, settings.sequences, *settings.past(NEAR), *settings.past(FAR), n * settings.picked]
    found += [several * cells for several in (n, streams) for cells in held]
    return found if settings.outputs == n else [*found, settings.outputs]


def multiples_in(size: int, of: Sequence[int]) -> tuple[int, ...] | None:
    """How often each of the terms of a `readable` context is in a size; None where it is no such sum.

    A multiple may be negative: the view of a part of each row ends before the last row does.
    """
    found = [0] * len(of)
    for index in sorted(range(len(of)), key=lambda i: -of[i]):
        found[index] = (2 * size + of[index]) // (2 * of[index])
        size -= found[index] * of[index]
    return tuple(found) if max(map(abs, found)) < LARGEST else None
