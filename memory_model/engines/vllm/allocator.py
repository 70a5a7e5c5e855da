"""What torch's allocator leaves unused behind a large tensor, in the block that it has for it alone.

From 10 MiB on a tensor gets memory of its own, in multiples of 2 MiB. What is left is cut off for others where it is more
than 1 MiB; else it stays with the tensor and counts as allocated (c10/cuda/CUDACachingAllocator.cpp).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

OWN, MULTIPLE, CUT = 10 * 2**20, 2 * 2**20, 2**20
FUSED = {"q_proj": "qkv", "k_proj": "qkv", "v_proj": "qkv", "gate_proj": "gate_up", "up_proj": "gate_up"}
"""Matrices that vLLM keeps as one (QKVParallelLinear, MergedColumnParallelLinear, FusedMoE)."""


def unused(planes: Iterable[tuple[tuple[int, ...], str, str, int]]) -> int:
    """Bytes left in all blocks; a plane is the layers that have it, its matrix's role, its name and bytes.

    Outside the layers -1 stands for each copy.
    """
    fused: dict[str, Counter[tuple[int, ...]]] = {}
    for layers, role, name, size in planes:
        stem, _, base = role.rpartition(".")
        fused.setdefault(f"{stem}.{FUSED.get(base, base)}: {name}", Counter())[layers] += size
    return sum(map(_left_of_all, fused.values()))


def _left_of_all(parts: Counter[tuple[int, ...]]) -> int:
    """Bytes left behind a matrix in all layers, of parts by the layers that have them: mostly the same."""
    if len(parts) == 1:
        return sum(len(layers) * left(size) for layers, size in parts.items())
    sizes: Counter[int] = Counter()
    for layers, size in parts.items():
        for place, layer in enumerate(layers):
            sizes[layer if layer >= 0 else -1 - place] += size
    return sum(map(left, sizes.values()))


def left(size: int) -> int:
    """Bytes between the end of a tensor and that of its block."""
    rest = -size % MULTIPLE
    return rest if size >= OWN and rest <= CUT else 0
