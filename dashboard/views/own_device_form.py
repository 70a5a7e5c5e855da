"""A device that is no preset: its numbers, which stay in the link."""

from __future__ import annotations

import streamlit as st

from ..hardware.own_device import FASTEST_GBPS, FASTEST_TFLOPS, LARGEST_GIB, VENDORS


def show() -> None:
    """Four fields; the device is in the table as soon as it has memory."""
    with st.expander("Your own device, by its numbers", expanded=st.session_state.hardware_own_gib > 0):
        memory, bandwidth, compute, vendor = st.columns(4)
        memory.number_input(
            "Usable memory, GiB",
            0.0,
            LARGEST_GIB,
            key="hardware_own_gib",
            persist_state="session",
            step=1.0,
            help="What a program can allocate, not what is printed on the box. 0: no own device.",
        )
        bandwidth.number_input(
            "Bandwidth, GB/s",
            0.0,
            FASTEST_GBPS,
            key="hardware_own_bandwidth",
            persist_state="session",
            step=10.0,
            help="Of the device's memory; 0 where you do not know it: then no time is given.",
        )
        compute.number_input(
            "16-bit TFLOPS",
            0.0,
            FASTEST_TFLOPS,
            key="hardware_own_tflops",
            persist_state="session",
            step=10.0,
            help="Dense, without sparsity; 0 where you do not know it.",
        )
        vendor.selectbox(
            "Like one of",
            VENDORS,
            key="hardware_own_vendor",
            persist_state="session",
            help="Decides what driver and engine take beside the model.",
        )
