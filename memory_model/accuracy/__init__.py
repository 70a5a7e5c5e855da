"""How close the numbers come to what engines measured, computed from the tables in `tests/measured`.

The result is kept in `presets/accuracy.yaml`, which is written by the command and never by hand, so that every number
can say how far it was measured where the tables are not at hand.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import asdict
from functools import lru_cache

import yaml

from ..evidence import ACCURACY_FILE, Accuracy
from .llama_cpp import llama_cpp_pairs
from .measured import Pair
from .servers import sglang_pairs, vllm_pairs
from .training import training_pairs
from .transformers import transformers_pairs

HEADER = "# Written by: python -m memory_model accuracy --write\n"


@lru_cache(maxsize=1)
def accuracy() -> tuple[Accuracy, ...]:
    """Every engine's quantities. Raises InputError where the tables are not at hand, as in an installed package."""
    cases: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for engine, (quantity, predicted, measured) in _pairs():
        cases.setdefault((engine, quantity), []).append((predicted, measured))
    return tuple(_accuracy(engine, quantity, found) for (engine, quantity), found in cases.items())


def write() -> None:
    """Keep the result in `presets/accuracy.yaml`."""
    rows = [asdict(row) for row in accuracy()]
    ACCURACY_FILE.write_text(HEADER + yaml.safe_dump(rows, sort_keys=False), encoding="utf-8")


def _pairs() -> Iterator[tuple[str, Pair]]:
    yield from (("transformers", pair) for pair in transformers_pairs())
    yield from (("training", pair) for pair in training_pairs())
    yield from (("llama.cpp", pair) for pair in llama_cpp_pairs())
    yield from sorted(vllm_pairs(), key=lambda found: found[0])
    yield from (("sglang", pair) for pair in sglang_pairs())


def _accuracy(engine: str, quantity: str, cases: list[tuple[float, float]]) -> Accuracy:
    errors = [
        abs(predicted - measured) / measured if measured else float(predicted > 0) for predicted, measured in cases
    ]
    exact = sum(predicted == measured for predicted, measured in cases)
    rounded = (round(error, 6) for error in (statistics.median(errors), _ninety_fifth(errors), max(errors)))
    return Accuracy(engine, quantity, len(cases), exact, *rounded)


def _ninety_fifth(errors: list[float]) -> float:
    """The smallest error that 95 of 100 cases do not exceed."""
    return sorted(errors)[max(0, -(-95 * len(errors) // 100) - 1)]
