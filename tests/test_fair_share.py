"""Who keeps a processor busy waits between answers; nobody else ever does."""

from __future__ import annotations

import asyncio
import time

import pytest
from app_server import running_server
from load_person import opened
from test_load import run

from dashboard.fair_share import BURST_SECONDS, LONGEST_SECONDS, SHARE, Account


def waits(cost: float, every: float, answers: int) -> list[float]:
    """Of a session whose answers take so much of a core, asked for so often."""
    account, now, found = Account(), 0.0, []
    for _ in range(answers):
        now += every
        account = account.later(now)
        found.append(account.wait)
        now += account.wait
        account = account.later(now, cost)
    return found


@pytest.mark.parametrize(("cost", "every"), [(0.06, 0.25), (0.25, 2), (0.5, 2), (1.4, 10)])
def test_nobody_who_looks_at_the_answers_waits(cost, every):
    assert not any(waits(cost, every, 200))


@pytest.mark.parametrize(("cost", "every"), [(0.03, 0.03), (0.3, 0.3), (0.6, 1)])
def test_in_the_long_run_a_session_has_its_share_of_a_core(cost, every):
    found = waits(cost, every, 1000)
    assert cost * 1000 / (every * 1000 + sum(found)) == pytest.approx(SHARE, rel=0.1)
    assert not any(found[: int(BURST_SECONDS / cost)])
    assert max(waits(100, 0, 5)) == LONGEST_SECONDS


def test_a_session_without_a_pause_leaves_the_server_to_others_and_gets_its_last_change():
    async def scene(server) -> None:
        async with opened(server) as person:
            answers = 0
            until = time.monotonic() + 8
            while time.monotonic() < until:
                if time.monotonic() < until - 3:
                    begun, start = server.processor_seconds(), time.monotonic()
                await person.change("context_length", 1000 + answers)
                answers += 1
            used = server.processor_seconds() - begun
            assert used < 0.6 * (time.monotonic() - start), "of a core; nearly a whole one without the wait"
            assert f"context_length={999 + answers}" in person._query
            await asyncio.sleep(0)

    with running_server() as server:
        run(scene(server))
