"""A change is never taken back by what the browser repeats before it has drawn the answer to it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from urllib.parse import parse_qsl

import pytest
from app_server import Server, running_server
from load_person import Person
from test_load import run

from dashboard.link import read_link
from dashboard.stops import BATCHES
from memory_model.presets import devices

CHANGES = {
    "context_length": (1000, 2000, 3000, 4097),
    "context_stop": ("4,096", "8,192", "16,384"),
    "batch_stop": tuple(f"{batch:,}" for batch in BATCHES[:6]),
    "unit": ("GB", "GiB"),
    "device": ("A100 80GB SXM", "H100 SXM 80GB"),
}
SETS = {"context_stop": "context_length", "batch_stop": "batch_size"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as found:
        yield found


@pytest.mark.parametrize("pause_ms", [0, 5, 50, 200])
def test_the_last_of_quick_changes_stays(server, pause_ms):
    """Whatever of the answers the browser has seen in between, the link names what was set last of each control."""

    async def scene() -> None:
        chance = random.Random(pause_ms)
        for _ in range(5):
            person = Person(server)
            await person.open()
            wanted: dict[str, object] = {}
            for _ in range(8):
                key = chance.choice(list(CHANGES))
                value = chance.choice([value for value in CHANGES[key] if not person.shows(key, value)])
                wanted[SETS.get(key, key)] = value
                answer = person.change(key, value)
                await asyncio.sleep(chance.random() * 2 * pause_ms / 1000)
            await answer
            assert person.errors == []
            values, problems = read_link(dict(parse_qsl(person._query)))
            said = {"device": devices()[str(values["device"])].name} | {
                key: f"{values[key]:,}" for key in SETS.values()
            }
            assert problems == []
            assert {key: said.get(key, values[key]) for key in wanted} == {
                key: f"{value:,}" if isinstance(value, int) else value for key, value in wanted.items()
            }
            await person.close()

    run(scene())


def test_a_page_that_moved_a_control_is_not_moved_back_by_the_next_change(server):
    """`Reset` sets every control; the batch that is changed before its answer came still sends the old ones."""

    async def scene() -> None:
        person = Person(server)
        await person.open("context_length=4096&device=a100-sxm-80gb&unit=GB")
        person.press("reset")
        await person.change("batch_stop", "4")
        assert person._query == "batch_size=4"
        await person.close()

    run(scene())
