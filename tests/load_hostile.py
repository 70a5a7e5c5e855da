"""Sessions that do their worst, each until it is cancelled."""

from __future__ import annotations

import asyncio
import random
import urllib.request
from collections.abc import Awaitable, Callable

from app_server import Server
from load_person import opened
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
    async with opened(server) as person:
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
    dice = random.Random(2)
    async with opened(server) as person:
        while True:
            if "context_length" in person.controls:
                person.change("context_length", dice.randint(1, 2**30)).cancel()
            await asyncio.sleep(0.02)


async def expensive(server: Server) -> None:
    """The dearest scenarios, the next as soon as one is answered: hybrids in llama.cpp, too large for their device."""
    dice = random.Random(3)
    query = "model=qwen3-next-80b-a3b-instruct&engine=llama.cpp&device=rtx-4090&context_length=1073741824&batch_size=1048576"
    async with opened(server, query) as person:
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
    """Files of 16 MiB, eight in a session and then another session; the server holds them until their session ends."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.json"\r\n\r\n' + b"{" * 2**24 + b"\r\n--b--\r\n"
    )
    with urllib.request.urlopen(f"{server.address}_stcore/health", timeout=PATIENCE) as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
    headers = {
        "Content-Type": "multipart/form-data; boundary=b",
        "Cookie": cookie,
        "X-Xsrftoken": cookie.partition("=")[2],
    }

    def put(place: str) -> int:
        request = urllib.request.Request(f"{server.address}_stcore/upload_file/{place}", body, headers, method="PUT")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return int(answer.status)

    while True:
        async with opened(server) as person:
            for number in range(8):
                await asyncio.to_thread(put, f"{person.session_id}/{number}")


HOSTILE: dict[str, Callable[[Server], Awaitable[None]]] = {
    "garbage": garbage,
    "huge-texts": huge_texts,
    "fifty-a-second": fifty_a_second,
    "expensive": expensive,
    "uploads": uploads,
}
