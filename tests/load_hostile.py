"""Sessions that do their worst, each until it is cancelled."""

from __future__ import annotations

import asyncio
import random
import urllib.request
from collections.abc import Awaitable, Callable
from urllib.error import HTTPError

from load_person import Person
from load_server import Server
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 20.0


async def garbage(server: Server) -> None:
    """Bytes that are no message, 20 times a second; the server closes each connection."""
    dice = random.Random(1)
    address = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    while True:
        try:
            async with connect(address, subprotocols=["streamlit"], max_size=None, compression=None) as socket:
                for _ in range(20):
                    await socket.send(dice.randbytes(dice.choice((1, 100, 100_000))))
                    await asyncio.sleep(0.05)
        except (ConnectionClosed, OSError):
            await asyncio.sleep(0.05)


async def huge_texts(server: Server) -> None:
    """Values of a mebibyte in controls that exist and that do not, five times a second."""
    person = Person(server)
    await person.open()
    while True:
        message = BackMsg()
        widgets = message.rerun_script.widget_states.widgets
        for control in [*person.controls.values()][:8]:
            widgets.add(id=control.id, string_value="x" * 2**17)
        widgets.add(id="$$ID-0-nobody", string_value="y" * 2**20)
        message.rerun_script.query_string = "model=" + "z" * 2**18
        person.send(message.SerializeToString())
        await asyncio.sleep(0.2)


async def fifty_a_second(server: Server) -> None:
    """Fifty changes a second."""
    person, dice = Person(server), random.Random(2)
    await person.open()
    while True:
        if "context_length" in person.controls:
            person.change("context_length", dice.randint(1, 2**30)).cancel()
        await asyncio.sleep(0.02)


async def expensive(server: Server) -> None:
    """The dearest scenarios, the next as soon as one is answered: hybrids in llama.cpp, too large for their device."""
    person, dice = Person(server), random.Random(3)
    query = "model=qwen3-next-80b-a3b-instruct&engine=llama.cpp&device=rtx-4090&context_length=1073741824&batch_size=1048576"
    await person.open(query)
    pages = [page for page in ("", "trade-offs", "levers", "hardware") if page in person.pages]
    while True:
        await asyncio.wait_for(person.go(dice.choice(pages)), PATIENCE)
        for _ in range(4):
            model = dice.choice(person.controls["model"].options)
            await asyncio.wait_for(person.change("model", model), PATIENCE)
            if "context_length" in person.controls:
                await asyncio.wait_for(person.change("context_length", dice.randint(2**20, 2**30)), PATIENCE)
                await asyncio.wait_for(person.change("batch_size", dice.randint(2**10, 2**20)), PATIENCE)


async def uploads(server: Server) -> None:
    """Files of the largest size that is taken, one after the other."""
    person = Person(server)
    await person.open()
    await person.go("model")
    body = b"\0" * 2**22
    number = 0

    def put() -> int:
        request = urllib.request.Request(
            f"{server.address}_stcore/upload_file/{person.session_id}/{number}",
            data=b'--b\r\nContent-Disposition: form-data; name="f"; filename="config.json"\r\n\r\n' + body + b"\r\n--b--\r\n",
            headers={"Content-Type": "multipart/form-data; boundary=b"},
            method="PUT",
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    while True:
        number += 1
        await asyncio.to_thread(put)
        await asyncio.sleep(0.1)


HOSTILE: dict[str, Callable[[Server], Awaitable[None]]] = {
    "garbage": garbage,
    "huge-texts": huge_texts,
    "fifty-a-second": fifty_a_second,
    "expensive": expensive,
    "uploads": uploads,
}
