"""The real server in a process of its own, and what that process takes of the machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

ROOT = Path(__file__).parent.parent
HOST = "127.0.0.1"
PROC = Path("/proc")
START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers on this machine alone."""

    port: int
    pid: int
    path: str = "/"

    @property
    def address(self) -> str:
        """Where its pages are."""
        return f"http://{HOST}:{self.port}{self.path}"

    def resident_bytes(self) -> int:
        """Memory that the process holds now; 0 where the system does not say (other than Linux)."""
        return resident_bytes(self.pid)

    def processor_seconds(self) -> float:
        """Seconds of one core that the process has used so far; 0 where the system does not say."""
        return processor_seconds(self.pid)


@dataclass(frozen=True, slots=True)
class Servers:
    """Several processes that share nothing, and a balancer that sends each visitor to the next one, who stays there."""

    all: tuple[Server, ...]
    _turn: Iterator[Server] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_turn", cycle(self.all))

    def for_a_visitor(self) -> Server:
        """Where the next visitor is sent."""
        return next(self._turn)

    def resident_bytes(self) -> int:
        """Memory that all of them hold now."""
        return sum(server.resident_bytes() for server in self.all)

    def processor_seconds(self) -> float:
        """Seconds of one core that all of them have used so far."""
        return sum(server.processor_seconds() for server in self.all)


def resident_bytes(pid: int) -> int:
    """Memory that a process holds now, from /proc; 0 where there is none."""
    try:
        return int((PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def processor_seconds(pid: int) -> float:
    """Seconds of one core that a process has used, from /proc; 0 where there is none."""
    try:
        after_name = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


@contextmanager
def running_server(*more: str, environment: Mapping[str, str] | None = None, path: str = "/") -> Iterator[Server]:
    """A server of the app, as `streamlit run` starts it, with `more` options of Streamlit, which say where its `path` is.

    Raises RuntimeError when it does not start.
    """
    port = free_port()
    options = [
        "--server.headless=true",
        f"--server.address={HOST}",
        f"--server.port={port}",
        "--server.fileWatcherType=none",
        *more,
    ]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "streamlit_app.py"), *options]
    variables = {**os.environ, **(environment or {})}
    with TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=subprocess.STDOUT)
        server = Server(port, process.pid, path)
        try:
            _wait(server, process, log)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def running_servers(count: int) -> Iterator[Servers]:
    """So many servers of the app, each in a process of its own."""
    with ExitStack() as running:
        yield Servers(tuple(running.enter_context(running_server()) for _ in range(count)))


def _wait(server: Server, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            log.seek(0)
            raise RuntimeError(f"the server ended at once: {log.read()[-2000:].decode(errors='replace')}")
        try:
            with urllib.request.urlopen(f"{server.address}_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not answer within {START_SECONDS} seconds")
