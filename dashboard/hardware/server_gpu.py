"""The GPUs of the machine that runs this page, as the vendor's driver tool names them; its answer is read as data."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from memory_model.deployment import Device

QUERY = ("--query-gpu=name,memory.total", "--format=csv,noheader,nounits")
SECONDS = 3
MOST_GPUS = 64
LONGEST_NAME = 80
NEAR = 0.02
"""A preset's memory, as the driver reports it, may differ by this share: drivers reserve a little more or less."""


@dataclass(frozen=True, slots=True)
class ServerGpu:
    """A kind of GPU found on the server."""

    name: str
    reported_mib: int
    count: int


def found_gpus() -> tuple[ServerGpu, ...]:
    """What `nvidia-smi` reports, equal ones counted together; nothing where there is no such tool, GPU or answer."""
    tool = shutil.which("nvidia-smi")
    return read_answer(_ask(tool)) if tool else ()


def _ask(tool: str, run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run) -> str:
    try:
        answer = run([tool, *QUERY], capture_output=True, text=True, timeout=SECONDS, check=False, errors="replace")
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout if answer.returncode == 0 else ""


def read_answer(text: str) -> tuple[ServerGpu, ...]:
    """GPUs of lines such as `NVIDIA H200, 143771`; lines that say anything else are left out."""
    counted: dict[tuple[str, int], int] = {}
    for row in list(csv.reader(io.StringIO(text[:20_000])))[:MOST_GPUS]:
        if len(row) != 2 or not row[1].strip().isdecimal() or not row[0].strip():
            continue
        mib = int(row[1].strip()[:9])
        if mib:
            key = (row[0].strip()[:LONGEST_NAME], mib)
            counted[key] = counted.get(key, 0) + 1
    return tuple(ServerGpu(name, mib, count) for (name, mib), count in counted.items())


def preset_of(gpu: ServerGpu, known: Mapping[str, Device]) -> Device | None:
    """The preset with the same words in its name and nearly the same memory; None where there is none."""
    words = set(_words(gpu.name))
    near = [
        device
        for device in known.values()
        if device.reported_mib and abs(device.reported_mib - gpu.reported_mib) <= NEAR * device.reported_mib
    ]
    alike = [device for device in near if _model_words(device) <= words]
    return max(alike, key=lambda device: len(set(_words(device.name)) & words), default=None)


def _words(text: str) -> list[str]:
    return text.lower().replace("-", " ").replace("(", " ").replace(")", " ").split()


def _model_words(device: Device) -> set[str]:
    """The words of a preset's name that a driver says too: `rtx`, `4090`; not `sxm` or `80gb`, which it may leave out."""
    left_out = {"sxm", "pcie", "one", "gpu"}
    return {word for word in _words(device.name) if word not in left_out and not word.endswith("gb")}
