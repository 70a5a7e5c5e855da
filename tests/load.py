"""How many people one server serves, in one run: `python tests/load.py` (about 70 minutes, `--help` for shorter ones).

It starts the real server, or several that share nothing, opens websocket sessions that speak Streamlit's own messages to it, and prints the time from
sending a change to the message that the page is complete: for 1, 10, 50, 100 people who each commit a change every two
seconds, beside a hostile session, and over a soak, with the memory and the processor time of the server. Everything stays
on 127.0.0.1 and ends by itself. The people share the machine with the server, so that a machine of their own would do
a little better; what they take is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import platform
import random
import statistics
import sys
import time
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from app_server import Servers, running_servers
from load_hostile import HOSTILE
from load_person import Person
from load_stage import CHANGES, EVERY_SECONDS, Stage, percentile, stage_of

WARM_UP_SECONDS = 6.0
MOST_PEOPLE, MOST_MINUTES, MOST_PROCESSES = 200, 180, 8
MIB = 2**20


@asynccontextmanager
async def gathered(servers: Servers, count: int, people: list[Person]):
    """As many people as asked for, who stay for the next stage."""
    while len(people) < count:
        person = Person(servers.for_a_visitor())
        await person.open()
        people.append(person)
    yield people


def slope_per_hour(samples: list[tuple[float, int]]) -> float:
    """Bytes an hour of the straight line through pairs of (seconds, bytes); 0 for fewer than two."""
    return statistics.linear_regression(*zip(*samples)).slope * 3600 if len(samples) > 1 else 0.0


async def measured(servers: Servers, options: argparse.Namespace) -> dict[str, float]:
    """Run every stage and print it. Returns the figures by name, for tests."""
    dice, people, figures = random.Random(options.seed), [], {}
    for _ in servers.all:
        person = Person(servers.for_a_visitor())
        cold = await person.open()
        await visited(person)
        people.append(person)
    first, *more = people
    for person in more:
        await person.close()
    del people[1:]
    print(
        f"{len(servers.all)} server processes; a first page {cold:.2f} s; after a walk through the views {servers.resident_bytes() / MIB:.0f} MiB"
    )
    print(
        "\npeople  refreshes   p50 ms   p95 ms  p95 of one  overtime  errors  server CPU  each ms  own CPU   memory  a session"
    )
    alone = 0.0
    for count in options.people:
        before, had = servers.resident_bytes(), len(people)
        async with gathered(servers, count, people):
            opened = (servers.resident_bytes() - before) / max(1, count - had) / MIB
            stage = await stage_of(servers, people, options.seconds, dice, options.warm, options.changes)
        p50, p95 = percentile(stage.all_times, 0.5), percentile(stage.all_times, 0.95)
        alone = alone or p95
        late = sum(taken > EVERY_SECONDS for taken in stage.all_times)
        print(
            f"{count:6} {len(stage.all_times):10} {p50:8.0f} {p95:8.0f} {p95 / alone:10.1f}x {late:9} {len(stage.errors):7}"
            f" {stage.server_share:10.0%} {stage.cpu_ms_each:8.1f} {stage.own_share:8.0%} {stage.resident_bytes / MIB:5.0f} MiB"
            f" {opened:6.2f} MiB" + (f"  load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "")
        )
        kinds = (
            f"{kind} {percentile(times, 0.5):.0f} / {percentile(times, 0.95):.0f}"
            for kind, times in sorted(stage.times.items())
        )
        print(f"        p50 / p95 by kind: {', '.join(kinds)}", flush=True)
        _say_errors(stage)
        figures |= {
            f"p95_{count}": p95,
            f"cpu_ms_{count}": stage.cpu_ms_each,
            f"errors_{count}": len(stage.errors),
            f"refreshes_{count}": len(stage.all_times),
        }
        figures[f"session_mib_{count}"] = opened
    for person in people[1:]:
        await person.close()
    if options.churn:
        figures |= await churned(servers, options.churn, options.churn_people)
    for name in options.hostile:
        figures |= await beside_hostile(servers, name, dice, options)
    if options.soak_minutes:
        figures |= await soaked(servers, options, dice)
    await first.close()
    return figures


async def visited(person: Person) -> None:
    """Open every view once, as a server does in its first minutes."""
    for page in [*[*person.pages][1:], ""]:
        await person.go(page)


async def churned(servers: Servers, rounds: int, count: int) -> dict[str, float]:
    """Sessions that open a page and leave, again and again: what they held has to come back."""
    print(f"\n{rounds} times {count} sessions that come and go; memory after each:", end="", flush=True)
    held = []
    for _ in range(rounds):
        people: list[Person] = []
        async with gathered(servers, count, people):
            for person in people:
                await person.close()
        await asyncio.sleep(1)
        held.append(servers.resident_bytes())
        print(f"  {held[-1] / MIB:.0f}", end="", flush=True)
    print(" MiB")
    return {"churn_growth_mib": (held[-1] - held[0]) / MIB}


async def beside_hostile(
    servers: Servers, name: str, dice: random.Random, options: argparse.Namespace
) -> dict[str, float]:
    """Ten people beside one session that does its worst."""
    people: list[Person] = []
    async with gathered(servers, options.beside, people):
        calm = await stage_of(servers, people, options.seconds, dice, 0)
        attack = asyncio.create_task(HOSTILE[name](servers.for_a_visitor()))
        stage = await stage_of(servers, people, options.seconds, dice, 0)
        attack.cancel()
        said = (await asyncio.gather(attack, return_exceptions=True))[0]
        for person in people:
            await person.close()
    p95, usual = percentile(stage.all_times, 0.95), percentile(calm.all_times, 0.95)
    failed = f", it ended with {said!r}" if isinstance(said, Exception) else ""
    print(
        f"\n{options.beside} people beside one who {name}: p95 {p95:.0f} ms, {p95 / usual:.1f}x of {usual:.0f} ms without;"
        f" errors {len(stage.errors)}; server {stage.server_share:.0%}; {stage.resident_bytes / MIB:.0f} MiB{failed}",
        flush=True,
    )
    _say_errors(stage)
    return {f"hostile_{name}": p95 / usual, f"hostile_errors_{name}": len(stage.errors)}


async def soaked(servers: Servers, options: argparse.Namespace, dice: random.Random) -> dict[str, float]:
    """The same for a long time, with people who come and go."""
    seconds = options.soak_minutes * 60
    start, samples, times, errors = time.perf_counter(), [], [], 0
    people: list[Person] = []
    print(f"\nsoak of {options.soak_minutes:g} minutes, {options.soak_people} people; minute, memory, p95:")
    while (now := time.perf_counter() - start) < seconds:
        if people:
            await people.pop(0).close()
        async with gathered(servers, options.soak_people, people):
            stage = await stage_of(servers, people, min(seconds - now, max(seconds / 40, 2)), dice, 0)
        errors += len(stage.errors)
        times += stage.all_times
        samples.append((time.perf_counter() - start, stage.resident_bytes))
        print(
            f"  {samples[-1][0] / 60:6.1f}  {stage.resident_bytes / MIB:6.1f} MiB  {percentile(stage.all_times, 0.95):6.0f} ms",
            flush=True,
        )
        gc.collect()
    for person in people:
        await person.close()
    late = samples[len(samples) // 2 :]
    slope = slope_per_hour(late) / MIB
    print(
        f"soak: {len(times)} refreshes, p95 {percentile(times, 0.95):.0f} ms, {errors} errors; memory {slope:+.1f} MiB an hour over its second half"
    )
    return {"soak_slope_mib": slope, "soak_errors": errors, "soak_p95": percentile(times, 0.95)}


def _say_errors(stage: Stage) -> None:
    for reason in sorted(set(stage.errors))[:5]:
        print(f"        error, {stage.errors.count(reason)} times: {reason}")


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options of the command line, within bounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, nargs="+", default=[1, 10, 50, 100], help="how many at once, in stages")
    parser.add_argument("--seconds", type=float, default=30, help="of each stage")
    parser.add_argument("--processes", type=int, default=1, help="servers that the people are spread over")
    parser.add_argument(
        "--warm", type=float, default=WARM_UP_SECONDS, help="seconds before each stage that do not count"
    )
    parser.add_argument("--changes", choices=list(CHANGES), default="mixed", help="what people change in these stages")
    parser.add_argument("--soak-minutes", type=float, default=60)
    parser.add_argument("--soak-people", type=int, default=25)
    parser.add_argument("--churn", type=int, default=5, help="rounds of sessions that come and go")
    parser.add_argument("--churn-people", type=int, default=100)
    parser.add_argument("--hostile", nargs="*", choices=list(HOSTILE), default=list(HOSTILE))
    parser.add_argument("--beside", type=int, default=10, help="people beside a hostile session")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if max([*options.people, options.soak_people, options.churn_people, options.beside]) > MOST_PEOPLE:
        parser.error(f"at most {MOST_PEOPLE} people")
    if not 1 <= options.processes <= MOST_PROCESSES:
        parser.error(f"1 to {MOST_PROCESSES} processes, at most one for a core is of use")
    if options.soak_minutes > MOST_MINUTES or options.seconds > 600:
        parser.error(f"at most {MOST_MINUTES} minutes of soak and 600 seconds a stage")
    return options


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Start a server, measure it, stop it."""
    options = read_options(arguments)
    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(
        f"{os.cpu_count()} cores{load}; Python {platform.python_version()}, Streamlit {version('streamlit')}; one change a person every {EVERY_SECONDS:g} s:",
        end=" ",
    )
    print(", ".join(f"{kind} {share} %" for kind, share in CHANGES[options.changes].items()))
    with running_servers(options.processes) as servers:
        return asyncio.run(measured(servers, options))


if __name__ == "__main__":
    main()
