"""People who commit a change every two seconds, and what a stage of that measures."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import defaultdict
from dataclasses import dataclass, field

from app_server import Servers, processor_seconds
from load_person import Person

EVERY_SECONDS = 2.0
CHANGES = {
    "mixed": {"context": 60, "batch": 20, "model": 5, "device": 5, "view": 10},
    "sliders": {"context": 75, "batch": 25},
}
"""What people change, in percent: the two sliders or the numbers beside them, a select box, or the view."""
VIEWS = ("", "", "", "trade-offs", "conversation", "levers", "compare", "hardware", "numbers", "model")
"""Where a change of view goes: back to the memory view three times in ten."""


@dataclass(slots=True)
class Stage:
    """What one stage of the run measured."""

    people: int
    seconds: float = 0
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Refreshes in seconds, by the kind of change."""
    errors: list[str] = field(default_factory=list)
    server_share: float = 0
    """Of one core, on average."""
    own_share: float = 0
    server_seconds: float = 0
    """Of a core, from the end of the warm-up to the last page."""
    resident_bytes: int = 0

    @property
    def cpu_ms_each(self) -> float:
        """What a refresh costs the server, in milliseconds of one core; what other programs do does not change it."""
        return self.server_seconds * 1000 / max(1, len(self.all_times))

    @property
    def all_times(self) -> list[float]:
        """Every refresh."""
        return [time_ for times in self.times.values() for time_ in times]


def percentile(times: list[float], share: float) -> float:
    """The time in milliseconds that a share of the refreshes stay below; nan for none."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else float("nan")


async def live(
    person: Person, dice: random.Random, until: float, stage: Stage, start: float = 0, changes: str = "mixed"
) -> None:
    """Commit a change every two seconds from a moment of one's own on; those before `start` are not counted."""
    await asyncio.sleep(dice.uniform(0, EVERY_SECONDS))
    due = time.perf_counter()
    while due < until:
        kind, answer = commit(person, dice, changes)
        counted = due >= start

        def arrived(done: asyncio.Future[float], kind: str = kind, counted: bool = counted) -> None:
            if counted and not done.cancelled():
                stage.times[kind].append(done.result())

        answer.add_done_callback(arrived)
        due += EVERY_SECONDS  # whether the last page came or not: a slow server does not make people patient
        await asyncio.sleep(max(0.0, due - time.perf_counter()))


def commit(person: Person, dice: random.Random, changes: str = "mixed") -> tuple[str, asyncio.Future[float]]:
    """One change of a kind that the shown page offers."""
    kinds = CHANGES[changes]
    kind = dice.choices(list(kinds), list(kinds.values()))[0]
    if kind in ("context", "batch") and f"{kind}_stop" not in person.controls:
        kind = "view"  # a page without the sliders
    if kind == "view":
        return kind, person.go(dice.choice([view for view in VIEWS if view != person.page]))
    if kind in ("model", "device"):
        return kind, person.change(kind, dice.choice(person.controls[kind].options))
    if dice.random() < 0.5:
        return kind, person.change(f"{kind}_stop", dice.choice(person.controls[f"{kind}_stop"].options))
    if kind == "context":
        return kind, person.change("context_length", dice.randint(256, 200_000))
    return kind, person.change("batch_size", dice.randint(1, 64))


async def stage_of(
    servers: Servers, people: list[Person], seconds: float, dice: random.Random, warm: float, changes: str = "mixed"
) -> Stage:
    """Let the people live, and measure after a warm-up."""
    stage = Stage(len(people), seconds)
    start = time.perf_counter() + warm
    before = [0.0, 0.0, 0.0]

    async def meter() -> None:
        await asyncio.sleep(warm)
        before[:] = [time.perf_counter(), servers.processor_seconds(), processor_seconds(os.getpid())]

    lives = [live(person, random.Random(dice.random()), start + seconds, stage, start, changes) for person in people]
    await asyncio.gather(meter(), *lives)
    elapsed = time.perf_counter() - before[0]
    stage.server_share = (servers.processor_seconds() - before[1]) / elapsed
    stage.own_share = (processor_seconds(os.getpid()) - before[2]) / elapsed
    await settled(people, stage)
    stage.server_seconds = servers.processor_seconds() - before[1]
    stage.resident_bytes = servers.resident_bytes()
    return stage


async def settled(people: list[Person], stage: Stage, patience: float = 30) -> None:
    """Wait for the last pages; what does not come counts as an error."""
    until = time.perf_counter() + patience
    while any(person.pending for person in people) and time.perf_counter() < until:
        await asyncio.sleep(0.05)
    for person in people:
        stage.errors += person.errors + ["no page within 30 seconds"] * person.pending
        person.errors.clear()
