"""A device that is no preset, from its numbers."""

from __future__ import annotations

from memory_model.deployment import OWN_VENDOR, Device
from memory_model.units import GIB

VENDORS = ("NVIDIA", "AMD", "Apple", "Intel", OWN_VENDOR)
LARGEST_GIB = 16_384.0
FASTEST_GBPS = 1_000_000.0
FASTEST_TFLOPS = 1_000_000.0
OWN_ID = "own"


def own_device(usable_gib: float, bandwidth_gbps: float, tflops: float, vendor: str) -> Device | None:
    """The device; None without a byte of memory. A bandwidth or a rate of 0 stands for one that is not known."""
    usable_bytes = round(usable_gib * GIB)
    if usable_bytes <= 0:
        return None
    return Device(
        id=OWN_ID,
        name="Your device",
        vendor=vendor,
        kind="your own",
        usable_bytes=usable_bytes,
        marketed_gb=round(usable_gib * GIB / 1e9),
        reported_mib=None,
        evidence="assumed",
        note="by the numbers that you gave",
        bandwidth_gbps=bandwidth_gbps or None,
        bf16_tflops=tflops or None,
    )
