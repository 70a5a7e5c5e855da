"""What `speed` prints: the least time and price of a token, a prompt and an answer, and what the cache saves."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from ..deployment import Deployment
from ..errors import InputError
from ..keys import whole_number_of
from ..resolve import resolve, resolved_keys
from ..result import model_facts
from ..scenario import Scenario
from ..speed import answer_bound, refusal, time_bound
from ..step_work import StepWork, decode_step, prefill
from ..units import gib
from ..without_cache import cache_trade
from .commands import scenario_of

ANSWER_TOKENS = 512
"""Unless asked for."""


def speed_command(options: argparse.Namespace) -> int:
    """The least time of a token, a prompt and an answer on a device, as a bound; the price, from one that you state."""
    if options.device in (None, "none"):
        raise InputError("device: missing; name one with --device, such as h100-sxm-80gb")
    stated = options.answer_tokens
    answer = ANSWER_TOKENS if stated is None else whole_number_of("answer_tokens", stated)
    found = speed_result(scenario_of(options), answer, _price(options.price_per_hour))
    if options.json:
        print(json.dumps(found))
        return 0
    for line in _lines(found):
        print(line)
    return 0


def speed_result(scenario: Scenario, answer_tokens: int, price_per_hour: float | None) -> dict[str, Any]:
    """The bounds as plain data; `null` where the device's figures are not known. Raises InputError."""
    deployment = resolve(scenario)
    decode, prompt = decode_step(deployment), prefill(deployment)
    answer = answer_bound(deployment, answer_tokens, price_per_hour=price_per_hour)
    trade = cache_trade(deployment, answer_tokens)
    bound = time_bound(deployment, decode)
    return {
        "scenario": resolved_keys(scenario, deployment),
        "model": model_facts(scenario.model, deployment),
        "decode": _step(deployment, decode),
        "prefill": _step(deployment, prompt),
        "answer": None
        if answer is None
        else asdict(answer)
        | {
            "seconds": answer.seconds,
            "tokens_per_second": answer.tokens_per_second,
            "price_per_answer": answer.price_per_answer,
            "price_per_million_tokens": answer.price_per_million_tokens,
        },
        "cache": asdict(trade) | {"flops_repeated": trade.flops_repeated, "last_repeated": trade.last_repeated},
        "evidence": "assumed",
        "notes": [*bound.notes] if bound else [*decode.notes, refusal(deployment)],
    }


def _step(deployment: Deployment, work: StepWork) -> dict[str, Any]:
    bound = time_bound(deployment, work)
    times = (
        {"memory_seconds": None, "compute_seconds": None, "seconds": None, "binds": None}
        if bound is None
        else {
            "memory_seconds": bound.memory_seconds,
            "compute_seconds": bound.compute_seconds,
            "seconds": bound.seconds,
            "binds": bound.binds,
        }
    )
    return {"flops": int(work.flops), "bytes": int(work.bytes), **times}


def _lines(found: dict[str, Any]) -> list[str]:
    asked, answer, trade = found["scenario"], found["answer"], found["cache"]
    tokens, sequences = trade["answer_tokens"], asked["batch_size"]
    lines = [f"{found['model']['id']} on {asked['device']}: bounds, real runs are slower"]
    lines.append(_step_line("a token of the answer", found["decode"]))
    lines.append(_step_line(f"a prompt of {asked['context_length']:,}", found["prefill"]))
    if found["decode"]["seconds"]:
        rate = sequences / found["decode"]["seconds"]
        lines.append(f"  at most {rate:,.1f} tokens a second, for {sequences:,} at once")
    if answer:
        lines.append(f"  prompt and {tokens:,} tokens of answer: at least {_time(answer['seconds'])}")
        if answer["price_per_answer"] is not None:
            million = answer["price_per_million_tokens"]
            lines.append(f"  price at least {answer['price_per_answer']:.4g} an answer, {million:.4g} a million tokens")
    lines.append(
        f"  the cache keeps {gib(trade['kept_bytes'])}; without it the answer takes {trade['flops_repeated']:,.0f} times "
        f"the operations, its last token {trade['last_repeated']:,.0f} times"
    )
    return [*lines, *(f"  note: {note}" for note in found["notes"])]


def _step_line(what: str, step: dict[str, Any]) -> str:
    work = f"{step['flops']:.3g} operations, {gib(step['bytes'])} moved"
    if step["seconds"] is None:
        return f"  {what:26} {'unknown':>10}  {work}"
    return f"  {what:26} {_time(step['seconds']):>10}  {work}: {step['binds']} binds"


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:,.2f} s"


def _price(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        stated = float(text)
    except ValueError:
        stated = -1.0
    if not 0 <= stated < float("inf"):
        raise InputError(f"price_per_hour: expected a price of 0 or more such as 2.5, got {text!r:.40}")
    return stated
