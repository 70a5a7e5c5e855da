"""Many people on one server: `load.py` shortened, and what it found."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import load
import pytest
from app_server import Server, Servers, running_server
from load_person import Person
from load_stage import percentile


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as found:
        yield found


def run(work):
    """In a thread of its own: a browser that an earlier test opened keeps an event loop in this one."""

    async def in_time():
        return await asyncio.wait_for(work, 60)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, in_time()).result()


def test_people_commit_without_an_error_and_memory_stays(server, capsys):
    options = load.read_options(
        "--people 1 4 --seconds 2 --warm 0 --soak-minutes 0.03 --soak-people 2 --churn 2 --churn-people 3 "
        "--hostile huge-texts --beside 2".split()
    )
    figures = run(load.measured(Servers((server,)), options))
    said = capsys.readouterr().out
    assert "people  refreshes" in said and "soak:" in said
    assert figures["refreshes_4"] >= 4
    assert {name: figures[name] for name in figures if "errors" in name} == dict.fromkeys(
        ("errors_1", "errors_4", "hostile_errors_huge-texts", "soak_errors"), 0
    )
    assert figures["session_mib_4"] < 10
    assert figures["churn_growth_mib"] < 40


def test_a_person_sees_what_was_set_and_remembers_what_need_not_be_sent_again(server):
    async def scene() -> None:
        person = Person(server)
        await person.open()
        first = person.received_bytes
        await person.change("context_length", 4096)
        assert "context_length=4096" in person._query
        assert person.received_bytes - first < first / 2, "the drawing's code is sent once"
        assert list(person._states[person.controls["context_stop"].id].string_array_value.data) == ["4,096"]
        await person.go("numbers")
        assert "numbers_section" in person.controls
        assert person.errors == []
        await person.close()

    run(scene())


def test_only_a_run_that_was_not_cut_short_answers(server):
    async def scene() -> None:
        person = Person(server)
        await person.open()
        waits = [person.change("context_length", tokens) for tokens in (1000, 2000, 3000)]
        times = await asyncio.gather(*waits)
        assert times[0] >= times[1] >= times[2]
        await person.close()

    run(scene())


@pytest.mark.parametrize(
    ("view", "label"), [("", "As published (bf16)"), ("compare", "As published (bf16)"), ("compare", "<b>" * 1000)]
)
def test_a_label_that_its_select_box_no_longer_has_changes_nothing(server, view, label):
    """Two changes at once: the last model's `As published (bf16)` arrives after the page offers `As published (MXFP4)`."""

    async def scene() -> None:
        person = Person(server)
        await person.open("model=gpt-oss-20b")
        if view:
            await person.go(view)
        weights = person.controls["weights"]
        assert "As published (MXFP4)" in weights.options
        await person.change("weights", label)
        assert person.errors == []
        assert person._states[weights.id].string_value == "As published (MXFP4)"
        await person.close()

    run(scene())


def test_what_is_no_message_ends_that_session_alone(server):
    async def scene() -> None:
        calm, hostile = Person(server), Person(server)
        await asyncio.gather(calm.open(), hostile.open())
        hostile.send(b"\xff" * 1000)
        await asyncio.wait_for(hostile._reader, 10)
        assert await calm.change("batch_size", 2) < 10
        assert calm.errors == []
        await calm.close()

    run(scene())


@pytest.mark.parametrize("arguments", ["--people 201", "--soak-minutes 181", "--seconds 601", "--churn-people 1000"])
def test_the_traffic_is_bounded(arguments, capsys):
    with pytest.raises(SystemExit):
        load.read_options(arguments.split())
    assert "at most" in capsys.readouterr().err


def test_the_slope_of_a_straight_line():
    assert load.slope_per_hour([(0, 100), (1800, 150), (3600, 200)]) == pytest.approx(100)
    assert percentile([0.1] * 95 + [1.0] * 5, 0.5) == pytest.approx(100)
    assert percentile([0.1] * 94 + [1.0] * 6, 0.95) == pytest.approx(1000)
