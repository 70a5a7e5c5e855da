"""A change is never taken back by what the browser repeats before it has drawn the answer to it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest
from app_server import Server, running_server
from load_person import Person
from test_load import run

from dashboard import echoes
from dashboard.stops import BATCHES

PATIENCE_SECONDS = 10
CHANGES = {
    "context_length": (1000, 2000, 3000, 4097),
    "context_stop": ("4,096", "65,536", "16,384"),
    "batch_stop": tuple(f"{batch:,}" for batch in BATCHES[1:6]),
    "unit": ("GB", "GiB"),
    "device": ("A100 80GB SXM", "H100 SXM 80GB"),
}
SAID = {"A100 80GB SXM": "a100-sxm-80gb", "H100 SXM 80GB": None, "GiB": None}
"""What the link says of a label; nothing of a default."""
SETS = {"context_stop": "context_length", "batch_stop": "batch_size"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as found:
        yield found


async def address(person: Person, wanted: Mapping[str, str | None]) -> dict[str, str | None]:
    """What the link says of the wanted keys, once it says that, or after a while."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        query = dict(parse_qsl(person._query))
        said = {key: query.get(key) for key in wanted}
        if said == wanted or time.monotonic() > until:
            return said
        await asyncio.sleep(0.01)


class State(dict[str, Any]):
    """What `st.session_state` is to the page: a mapping whose keys are names as well."""

    __getattr__, __setattr__ = dict.__getitem__, dict.__setitem__


@pytest.mark.parametrize(
    ("said", "held"),
    [
        (["old", "new"], "new"),  # the page's change arrives
        (["old", "old", "new"], "new"),  # two messages that do not know of it
        (["other"], "other"),  # somebody chose another meanwhile
        (["other", "new"], "other"),  # the page's change is drawn over it: it stays, and is shown again
        (["other", "new", "other"], "other"),
        (["other", "new", "third"], "third"),
        (["old", "other", "third"], "third"),
        (["other", "old"], "old"),  # back to what was there, by hand: no page was told that value
    ],
)
def test_of_what_a_browser_says_only_what_was_chosen_there_counts(monkeypatch, said, held):
    """The page set `new` where the browser has `old`, and the browser has drawn no answer since."""
    state = State(device="old", seen_page="0")
    monkeypatch.setattr(echoes.st, "session_state", state)
    echoes.listen()
    echoes.place({"device": "new"})
    for value in said:
        state.device = value
        echoes.listen()
    assert state.device == held
    state.update(device="old", seen_page=str(state.answer))
    echoes.listen()
    assert state.device == "old", "what a browser says that has seen the last answer is what it shows"


def test_what_nothing_moves_is_left_alone(monkeypatch):
    """A control that is set to what it is would undo what somebody does in the browser meanwhile."""
    state = State(device="old")
    monkeypatch.setattr(echoes.st, "session_state", state)
    echoes.listen()
    echoes.place({"device": "old"})
    state.device = "other"
    echoes.listen()
    assert (state.device, state.placed) == ("other", {})


@pytest.mark.parametrize("pause_ms", [0, 5, 50, 200])
def test_the_last_of_quick_changes_stays(server, pause_ms):
    """Whatever of the answers the browser has seen in between, the link names what was set last of each control."""

    async def scene() -> None:
        chance = random.Random(pause_ms)
        for _ in range(3 if pause_ms < 100 else 2):
            person = Person(server)
            await person.open()
            wanted: dict[str, str | None] = {}
            length = chance.choice(
                ["context_length", "context_stop"]
            )  # one of both, or nobody could say which was last
            for _ in range(8):
                key = chance.choice([length, "batch_stop", "unit", "device"])
                assert key in person.controls, "no page ends without its controls"
                value = chance.choice([value for value in CHANGES[key] if not person.shows(key, value)])
                person.change(key, value)
                wanted[SETS.get(key, key)] = SAID.get(value, str(value).replace(",", ""))
                await asyncio.sleep(chance.random() * 2 * pause_ms / 1000)
            assert await address(person, wanted) == wanted
            await asyncio.sleep(0.3)
            assert await address(person, wanted) == wanted, "and it stays"
            assert person.errors == []
            await person.close()

    run(scene())


def test_a_page_that_moved_a_control_is_not_moved_back_by_the_next_change(server):
    """`Reset` sets every control; the batch that is changed before its answer came still sends the old ones."""

    async def scene() -> None:
        person = Person(server)
        await person.open("context_length=4096&device=a100-sxm-80gb&unit=GB")
        person.press("reset")
        await asyncio.sleep(0.03)  # a button is lost when the next change comes while its callback runs
        person.change("batch_stop", "4")
        wanted = {"context_length": None, "device": None, "unit": None, "batch_size": "4"}
        assert await address(person, wanted) == wanted
        await person.close()

    run(scene())


def test_the_link_follows_there_and_back(server):
    """Asked with the very link that a change leads to, the page says it all the same: the browser was told another since."""

    async def scene() -> None:
        person = Person(server)
        await person.open()
        await person.change("unit", "GB")
        await person.change("unit", "GiB")
        person._query = "unit=GB"  # the next change leaves before the last answer is there …
        answer = person.change("unit", "GB")
        person._query = ""  # … which comes now
        await answer
        assert person._query == "unit=GB"
        await person.close()

    run(scene())
