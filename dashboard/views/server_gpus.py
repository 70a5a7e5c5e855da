"""The GPU of the machine that runs this page, where there is one."""

from __future__ import annotations

import streamlit as st

from memory_model.presets import devices

from ..echoes import place
from ..hardware.own_device import LARGEST_GIB
from ..hardware.server_gpu import ServerGpu, found_gpus, preset_of
from ..parameter import Value
from ..wording import plain


@st.cache_resource(ttl=600, show_spinner=False)
def _found() -> tuple[ServerGpu, ...]:
    return found_gpus()


def show() -> None:
    """What was found, with a button that uses it; a quiet line where there is nothing."""
    found = _found()
    if not found:
        st.caption("No GPU found on the server.")
    for number, gpu in enumerate(found):
        preset = preset_of(gpu, devices())
        words = f"On the server: {gpu.count} × {plain(gpu.name)}, {gpu.reported_mib:,} MiB as the driver reports."
        with st.container(horizontal=True, vertical_alignment="center"):
            if preset:
                st.markdown(f"{words} That is the preset {plain(preset.name)}.")
                use: dict[str, Value] = {"device": preset.id}
            else:
                st.markdown(f"{words} No preset is like it; a program can use somewhat less.")
                use = {
                    "hardware_own_gib": min(round(gpu.reported_mib / 1024, 2), LARGEST_GIB),
                    "hardware_own_vendor": "NVIDIA",
                }
            st.button(
                "Use this device" if preset else "Take its memory as your own device",
                key=f"hardware_server_{number}",
                on_click=place,
                args=(use,),
            )
