"""The defaults that SGLang takes from the size of the GPU: tokens of a chunk, captured batches, the static share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...deployment import Device

SOURCE = "server_args.py _handle_gpu_memory_settings, adjust_mem_fraction_for_vlm (sgl-project/sglang#10975)"
MIB = 2**20
WITHOUT_DEVICE, CAPTURED_WITHOUT_DEVICE = 4096, 160
"""Tokens of a chunk, and sequences of the largest CUDA graph, where no GPU is known."""


@dataclass(frozen=True, slots=True)
class SizeClass:
    """GPUs up to a size, and their defaults."""

    below_mib: float
    chunk: int
    captured: int
    """Sequences of the largest CUDA graph with fewer than 4 GPUs."""
    captured_by_many: int


SIZES = (
    SizeClass(20 * 1024, 2048, 8, 8),
    SizeClass(35 * 1024, 2048, 24, 80),
    SizeClass(60 * 1024, 4096, 32, 160),
    SizeClass(160 * 1024, 8192, 256, 512),
    SizeClass(float("inf"), 16384, 512, 512),
)
LARGE_MIB, LARGE_RESERVE_MIB = 60 * 1024, 10 * 1024
"""From this size on at least so much stays outside the static share."""


def memory_mib(device: Device) -> float:
    """The GPU's size as the driver's tool prints it, else what a program sees."""
    return device.reported_mib or device.usable_bytes / MIB


def size_class(device: Device) -> SizeClass:
    """The defaults that go with a GPU."""
    return next(size for size in SIZES if memory_mib(device) < size.below_mib)


def captured(device: Device | None, tensor: int) -> int:
    """Sequences of the largest CUDA graph."""
    if device is None:
        return CAPTURED_WITHOUT_DEVICE
    size = size_class(device)
    return size.captured if tensor < 4 else size.captured_by_many


def static_share(device: Device, chunk: int, tensor: int, pipeline: int, config: dict[str, Any], vision: bool) -> float:
    """mem_fraction_static, to three digits: what activations, graphs and several GPUs need stays outside.

    With a vision tower it is less, by how large the tower is beside ViT-L/14.
    """
    total = memory_mib(device)
    outside = 512 + max(chunk, 2048) * 1.5 + captured(device, tensor) * 2 + tensor * pipeline / 8 * 1024
    if total > LARGE_MIB:
        outside = max(outside, LARGE_RESERVE_MIB)
    share = round((total - outside) / total, 3)
    return share * _vision_factor(config) if vision else share


def _vision_factor(config: dict[str, Any]) -> float:
    vision = config.get("vision_config")
    stated = vision if isinstance(vision, dict) else {}
    layers, hidden = int(stated.get("num_hidden_layers", 24)), int(stated.get("hidden_size", 1024))
    complexity = layers * hidden**2 / (24 * 1024**2)
    return 0.95 * max(0.8, min(1.05, 1 - 0.1 * (complexity - 1)))
