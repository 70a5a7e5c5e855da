"""What torch's allocator leaves unused behind tensors: ends of blocks that are too small to be cut off.

Tensors above 1 MiB lie in segments of 20 MiB, from 10 MiB on in one of their own, in multiples of 2 MiB. What is left of a
block is cut off for others where it is more than 1 MiB; else it stays with the tensor and counts as allocated
(c10/cuda/CUDACachingAllocator.cpp). Replayed in the order in which the model is built.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable

ROUND, SMALL, CUT = 512, 2**20, 2**20
SHARED, OWN, MULTIPLE = 20 * 2**20, 10 * 2**20, 2 * 2**20
FUSED = {"q_proj": "qkv", "k_proj": "qkv", "v_proj": "qkv", "gate_proj": "gate_up", "up_proj": "gate_up"}
"""Matrices that vLLM keeps as one (QKVParallelLinear, MergedColumnParallelLinear, FusedMoE)."""
BEFORE, BEHIND = -1, 10**6
"""Places of what is outside the layers: the embedding, and the rest, of which a tower's layers are copies."""


def unused(planes: Iterable[tuple[tuple[int, ...], str, str, int]]) -> int:
    """Bytes left in all blocks; a plane is the layers that have it, its matrix's role, its name and bytes.

    Outside the layers -1 stands for each copy.
    """
    fused: dict[str, Counter[tuple[int, ...]]] = {}
    for layers, role, name, size in planes:
        stem, _, base = role.rpartition(".")
        fused.setdefault(f"{stem}.{FUSED.get(base, base)}: {name}", Counter())[layers] += size
    places: dict[int, list[int]] = defaultdict(list)
    outside = BEFORE
    for parts in fused.values():
        if next(iter(parts))[:1] != (-1,):
            outside = BEHIND
        for layer, size in _by_layer(parts):
            places[layer if layer >= 0 else outside - layer - 1].append(size)
    return left(size for place in sorted(places) for size in places[place])


def _by_layer(parts: Counter[tuple[int, ...]]) -> Iterable[tuple[int, int]]:
    """Pairs of layer and bytes of a matrix, large ones alone, of parts by the layers that have them: mostly the same.

    Copies outside the layers are -1, -2 and so on.
    """
    if len(parts) == 1 and max(parts.values()) <= SMALL:
        return ()
    sizes: Counter[int] = Counter()
    for layers, size in parts.items():
        for place, layer in enumerate(layers):
            sizes[layer if layer >= 0 else -1 - place] += size
    return [(layer, size) for layer, size in sizes.items() if size > SMALL]


def left(sizes: Iterable[int]) -> int:
    """Bytes between the ends of tensors, made one after the other, and those of their blocks."""
    free: list[int] = []
    total = 0
    for size in sizes:
        taken = -(-size // ROUND) * ROUND
        if taken <= SMALL:
            continue
        at = bisect_left(free, taken)
        block = free.pop(at) if at < len(free) else SHARED if taken < OWN else -(-taken // MULTIPLE) * MULTIPLE
        if block - taken > CUT:
            insort(free, block - taken)
        else:
            total += block - taken
    return total
