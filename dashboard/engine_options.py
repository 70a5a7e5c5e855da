"""The controls of an engine's own options: one entry an option, shown for the engines that have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from memory_model.scenario import ENGINE_OPTIONS, MOST_DEVICES, MOST_LAYERS, MOST_SEQUENCES, MOST_TOKENS

PLACEMENTS = {"one-gpu": "All on one GPU", "cpu": "All on the CPU"}
CACHES = {
    "dynamic": "Grows with the text (dynamic)",
    "static": "Reserved in full at the start (static)",
    "quantized": "Kept in fewer bits (quantized)",
}


PREFIXES = {None: "As the version does", True: "On", False: "Off"}


def _whole(label: str, most: int, least: int = 1, help: str | None = None) -> Callable[[str], object]:
    return lambda key: st.number_input(
        label, least, most, key=key, persist_state="session", step=1, placeholder="default", help=help
    )


def _share(label: str, help: str | None = None) -> Callable[[str], object]:
    return lambda key: st.number_input(
        label, 0.01, 1.0, key=key, persist_state="session", step=0.01, placeholder="default", help=help
    )


def _flag(label: str, help: str | None = None) -> Callable[[str], object]:
    return lambda key: st.checkbox(label, key=key, persist_state="session", help=help)


def _choice(label: str, labels: dict[Any, str], help: str | None = None) -> Callable[[str], object]:
    return lambda key: st.selectbox(
        label, list(labels), key=key, persist_state="session", format_func=labels.__getitem__, help=help
    )


CONTROLS: dict[str, Callable[[str], object]] = {
    "tensor_parallel": _whole(
        "GPUs that share every layer (tensor parallel)",
        MOST_DEVICES,
        help="Each GPU holds its part of every matrix and of the cache; only sizes that divide the model evenly run.",
    ),
    "pipeline_parallel": _whole(
        "GPUs that hold layers in turn (pipeline parallel)",
        MOST_DEVICES,
        help="The first GPU holds the first layers, and so on; one hands its result to the next.",
    ),
    "step_tokens": _whole("Tokens in one step", MOST_TOKENS, help="Longer prompts are read in steps of this many."),
    "max_num_seqs": _whole(
        "Sequences at most (max_num_seqs)",
        MOST_SEQUENCES,
        help="How many sequences the engine prepares for; more than that wait.",
    ),
    "gpu_memory_utilization": _share(
        "Share of the GPU that it takes (gpu_memory_utilization)",
        help="The engine takes this share when it starts; what weights and activations leave becomes its cache.",
    ),
    "prefix_caching": _choice(
        "Prefix cache (--enable-prefix-caching)",
        PREFIXES,
        help="Keeps a second state for each recurrent layer and sequence, to resume from. Other layers hold as much without.",
    ),
    "mem_fraction_static": _share(
        "Share of the GPU for weights and cache (mem_fraction_static)",
        help="The rest is left to activations.",
    ),
    "placement": _choice("Where the layers are", PLACEMENTS, help="On the GPU, or in host memory beside the CPU."),
    "gpu_layers": _whole("Layers on the GPU (--n-gpu-layers)", MOST_LAYERS, 0, help="The rest stays in host memory."),
    "kv_offload": _flag("KV cache on the GPU (off: --no-kv-offload)", help="Off: the cache stays in host memory."),
    "kv_unified": _flag(
        "One cache for all sequences (--kv-unified)",
        help="On: all sequences share one room for tokens. Off: each has its own.",
    ),
    "swa_full": _flag(
        "Full cache for window layers (--swa-full)",
        help="On: layers with a sliding window keep every token too.",
    ),
    "use_cache": _flag(
        "Keep a KV cache (off: every token is computed anew)",
        help="Without it memory is saved and all work is repeated for each word.",
    ),
    "cache_implementation": _choice(
        "How the cache is kept",
        CACHES,
        help="It can grow with the text, be reserved in full, or hold old tokens in fewer bits.",
    ),
}


def show(own_options: tuple[str, ...]) -> None:
    """Draw the controls of the options that the chosen engine has."""
    for key in ENGINE_OPTIONS:
        if key in own_options:
            CONTROLS[key](key)
