"""Observed beside predicted, figure by figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..model_shape import ModelShape
from ..resolve import resolve
from ..scenario import Scenario
from .log import EngineLog, Printed
from .predicted import predicted_for
from .reasons import reason_for

NEAR = 0.005
"""A share of the printed figure within which a prediction counts as equal where print rounding is finer."""
LABELS = {
    "weights": "Weights",
    "kv_cache": "KV cache",
    "compute": "Activations",
    "output": "Output buffer",
    "graphs": "CUDA graphs",
    "non_torch": "Outside torch's allocator",
    "kv_tokens": "Tokens that the cache holds",
    "concurrency": "Sequences of this length at once",
    "kv_per_token": "KV cache of one token",
}
UNITS = {"kv_tokens": "tokens", "concurrency": "times", "kv_per_token": "KiB"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of the log and what is predicted for it, in bytes unless `unit` says otherwise."""

    label: str
    printed: float
    predicted: float
    unit: str
    lines: tuple[int, ...]
    agrees: bool
    """Whether rounding in print, or half a per cent, covers the difference."""
    reason: str
    follows: bool = False
    """Whether no line prints it, and it follows from others."""

    @property
    def difference(self) -> float:
        """Predicted less printed."""
        return self.predicted - self.printed


def compare(log: EngineLog, scenario: Scenario, model: ModelShape | None = None) -> tuple[Comparison, ...]:
    """Every figure of the log that the engine's model predicts. Raises InputError for a scenario that cannot run."""
    return tuple(_comparisons(log, scenario, model))


def _comparisons(log: EngineLog, scenario: Scenario, model: ModelShape | None) -> Iterator[Comparison]:
    deployment = resolve(scenario, model)
    for figures in _grouped(log, scenario):
        quantity, on_host = figures[0].quantity, figures[0].on_host
        predicted = predicted_for(deployment, quantity, on_host)
        if predicted is None:
            continue
        printed = sum(figure.value for figure in figures)
        rounding = sum(figure.half_digit for figure in figures)
        agrees = abs(predicted - printed) <= max(rounding, NEAR * printed)
        reason = "equal as far as the log prints" if abs(predicted - printed) <= rounding else "within half a per cent"
        if not agrees:
            reason = reason_for(log, scenario, model, figures, printed, rounding)
        words = f"{LABELS[quantity]}, in host memory" if on_host else LABELS[quantity]
        unit = UNITS.get(quantity, "bytes")
        scale = 1 / 2**10 if unit == "KiB" else 1
        yield Comparison(
            words, printed * scale, predicted * scale, unit, tuple(figure.line for figure in figures), agrees, reason, quantity == "kv_per_token"
        )  # fmt: skip


def _grouped(log: EngineLog, scenario: Scenario) -> Iterator[list[Printed]]:
    """Figures that belong together: all buffers of one place are added; of several devices the fullest counts."""
    for quantity in LABELS:
        for on_host in (False, True):
            found = [figure for figure in log.printed if figure.quantity == quantity and figure.on_host == on_host]
            places: dict[str, list[Printed]] = {}
            for figure in found:
                places.setdefault(figure.device if not on_host else "host", []).append(figure)
            if places:
                fullest = max(places.values(), key=lambda figures: sum(figure.value for figure in figures))
                one_line = len({figure.line for figure in fullest}) == 1
                yield fullest if fullest[0].place or one_line else [_finest(fullest)]
    if per_token := _per_token(log, scenario):
        yield [per_token]


def _finest(figures: list[Printed]) -> Printed:
    """The figure that is printed with the most digits, of several the last; blocks are coarser than tokens."""
    return min(reversed(figures), key=lambda figure: figure.half_digit)


def _per_token(log: EngineLog, scenario: Scenario) -> Printed | None:
    """What a server's cache takes for each token: its bytes by the tokens, or by the sequences, that it holds."""
    named = {figure.quantity: figure for figure in log.printed if not figure.place}
    count = named.get("concurrency") or named.get("kv_tokens")
    if log.engine == "llama.cpp" or "kv_cache" not in named or count is None or not count.value:
        return None
    pool = [figure for figure in log.printed if figure.quantity == "kv_cache" and figure.line == named["kv_cache"].line]
    size = sum(figure.value for figure in pool)
    tokens = count.value * (scenario.context_length if count.quantity == "concurrency" else 1)
    share = sum(figure.half_digit for figure in pool) / size + count.half_digit / count.value if size else 0.0
    return replace(count, quantity="kv_per_token", value=size / tokens, half_digit=share * size / tokens)
