"""One person at a browser, as the server sees it: a websocket that speaks Streamlit's own messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from app_server import Server
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

KEPT_RUNS = 2
"""For so many runs a browser remembers large messages that it need not be sent again (global.maxCachedMessageAge)."""
SHOWN_AT_MOST = 200
VALUES = ("selectbox", "number_input", "slider", "checkbox", "button_group", "text_input", "text_area", "radio")


@dataclass(frozen=True, slots=True)
class Control:
    """One control on the page."""

    id: str
    kind: str
    options: tuple[str, ...] = ()
    fragment: str = ""
    """The part of the page that is drawn anew when it changes; the whole page where there is none."""


@dataclass(slots=True)
class Person:
    """One browser tab. Times are in seconds; what went wrong is in `errors`."""

    server: Server
    controls: dict[str, Control] = field(default_factory=dict)
    """By the key that the page gives them."""
    pages: dict[str, str] = field(default_factory=dict)
    """The views by their place in the address; the first one is the start."""
    errors: list[str] = field(default_factory=list)
    received_bytes: int = 0
    page: str = ""
    session_id: str = ""
    _query: str = ""
    _run: int = 0
    _states: dict[str, WidgetState] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _kept: dict[str, int] = field(default_factory=dict)
    _waiting: list[tuple[float, asyncio.Future[float]]] = field(default_factory=list)
    _socket: ClientConnection | None = None
    _reader: asyncio.Task[None] | None = None

    async def open(self, query: str = "", patience: float = 60) -> float:
        """Connect and see the first page whole. Returns how long that took."""
        start = time.perf_counter()
        address = f"ws://127.0.0.1:{self.server.port}/_stcore/stream"
        self._socket = await connect(
            address, subprotocols=["streamlit"], max_size=None, compression=None, open_timeout=patience
        )
        self._reader = asyncio.create_task(self._read())
        self._query = query
        await asyncio.wait_for(asyncio.shield(self._ask()), patience)
        return time.perf_counter() - start

    async def close(self) -> None:
        """Close the tab."""
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    @property
    def pending(self) -> int:
        """Changes whose page has not come yet."""
        return len(self._waiting)

    def change(self, key: str, value: Any) -> asyncio.Future[float]:
        """Set a control; the result is how long the page took, None of it waited for here."""
        control = self.controls[key]
        self._states[control.id] = written(control, value)
        return self._ask(control.fragment)

    def shows(self, key: str, value: Any) -> bool:
        """Whether a control has a value already, so that nobody could set it to that one."""
        control = self.controls[key]
        return self._states.get(control.id) == written(control, value)

    def press(self, key: str) -> asyncio.Future[float]:
        """Press a button."""
        control = self.controls[key]
        return self._ask(control.fragment, WidgetState(id=control.id, trigger_value=True))

    def go(self, page: str) -> asyncio.Future[float]:
        """Open another view, as a click on its name does: without what the address says."""
        self.page, self._query = page, ""
        return self._ask()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self._socket is not None
        asyncio.get_running_loop().create_task(self._sent(data))

    def _ask(self, fragment: str = "", *pressed: WidgetState) -> asyncio.Future[float]:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self.pages.get(self.page, "")
        state.fragment_id = fragment
        state.widget_states.widgets.extend([*self._states.values(), *pressed])
        state.cached_message_hashes.extend(self._kept)
        state.context_info.timezone, state.context_info.locale = "UTC", "en"
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((time.perf_counter(), answer))
        self.send(message.SerializeToString())
        return answer

    async def _sent(self, data: bytes) -> None:
        try:
            assert self._socket is not None
            await self._socket.send(data)
        except ConnectionClosed as closed:
            self._lost(f"closed while sending: {closed}")

    async def _read(self) -> None:
        assert self._socket is not None
        try:
            async for data in self._socket:
                self.received_bytes += len(data)
                self._take(ForwardMsg.FromString(data))  # type: ignore[arg-type]
            self._lost("closed by the server")
        except ConnectionClosed as closed:
            self._lost(f"closed: {closed}")

    def _lost(self, reason: str) -> None:
        if self._waiting:
            self.errors.append(reason)
        for _, answer in self._waiting:
            answer.cancel()
        self._waiting.clear()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if message.metadata.cacheable:
            self._kept[message.hash] = self._run
        if kind == "ref_hash":
            self._kept[message.ref_hash] = self._run
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._element(message.delta.new_element, message.delta.fragment_id)
        elif kind == "new_session":
            self.session_id = message.new_session.initialize.session_id or self.session_id
            anew = set(message.metadata.run.fragment_ids)
            rest = (control for control in self.controls.values() if anew and control.fragment not in anew)
            self._seen = {control.id for control in rest}
        elif kind == "navigation":
            self.pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "script_finished":
            self._finished(message.script_finished)

    def _element(self, element: Any, fragment: str) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.errors.append(f"{element.exception.type}: {element.exception.message}"[:SHOWN_AT_MOST])
        if kind == "button":
            self.controls[element.button.id.split("-", 2)[-1]] = Control(element.button.id, kind, fragment=fragment)
            self._seen.add(element.button.id)
        if kind not in VALUES:
            return
        widget = getattr(element, kind)
        options = [getattr(option, "content", option) for option in getattr(widget, "options", ())]
        control = Control(widget.id, kind, tuple(options), fragment)
        self.controls[widget.id.split("-", 2)[-1]] = control
        self._seen.add(widget.id)
        if widget.set_value or widget.id not in self._states:
            shown = self._shown(kind, widget, options)
            if shown is None:
                self._states.pop(widget.id, None)
            else:
                self._states[widget.id] = written(control, shown)

    @staticmethod
    def _shown(kind: str, widget: Any, options: list[str]) -> Any:
        """What a control shows when the server sets it, else what it starts with; None for an empty one."""
        if kind in ("selectbox", "radio"):
            if widget.set_value:
                return widget.raw_value
            return options[widget.default] if widget.HasField("default") else None
        if kind in ("slider", "button_group"):
            if widget.set_value:
                return list(widget.raw_value if kind == "slider" else widget.raw_values)
            return [options[int(place)] for place in widget.default]
        if kind == "number_input" and not (
            widget.HasField("value") if widget.set_value else widget.HasField("default")
        ):
            return None
        return widget.value if widget.set_value else widget.default

    def _finished(self, status: int) -> None:
        """Only a run that was not cut short by a newer change answers; then it answers every change before it."""
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        if status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.errors.append("the script does not compile")
        self._run += 1
        self._kept = {hash_: run for hash_, run in self._kept.items() if run >= self._run - KEPT_RUNS}
        self._states = {id_: state for id_, state in self._states.items() if id_ in self._seen}
        self.controls = {key: control for key, control in self.controls.items() if control.id in self._seen}
        now = time.perf_counter()
        for sent, answer in self._waiting:
            if not answer.done():
                answer.set_result(now - sent)
        self._waiting.clear()


@asynccontextmanager
async def opened(server: Server, query: str = "") -> AsyncIterator[Person]:
    """A person who has opened the page, and who closes it whatever happens."""
    person = Person(server)
    try:
        await person.open(query)
        yield person
    finally:
        await person.close()


def written(control: Control, value: Any) -> WidgetState:
    """A control's value as the browser sends it."""
    state = WidgetState(id=control.id)
    if control.kind in ("slider", "button_group"):
        state.string_array_value.data.extend(value if isinstance(value, list) else [value])
    elif control.kind == "number_input":
        state.double_value = value
    elif control.kind == "checkbox":
        state.bool_value = value
    else:
        state.string_value = value
    return state
