"""Whose GPUs each engine runs on, as its makers say; what is not listed is not guessed."""

from __future__ import annotations

from memory_model.deployment import Device

RUNS_ON: dict[str, dict[str, str]] = {
    "transformers": {
        "NVIDIA": "CUDA",
        "AMD": "ROCm",
        "Apple": "Metal (mps)",
        "Intel": "XPU",
    },
    "vllm": {"NVIDIA": "CUDA", "AMD": "ROCm", "Intel": "XPU"},
    "sglang": {"NVIDIA": "CUDA", "AMD": "ROCm", "Intel": "XPU"},
    "llama.cpp": {"NVIDIA": "CUDA", "AMD": "HIP or Vulkan", "Apple": "Metal", "Intel": "SYCL or Vulkan"},
}
"""By engine and vendor, the backend; from the installation pages of PyTorch, vLLM, SGLang and llama.cpp.

Apple with vLLM is a plug-in of its own (vLLM-Metal), which allocates in another way.
"""
WEIGHTS_BY_VENDOR = ("vllm", "sglang")
"""Engines whose kernels hold some weights differently on the GPUs of another vendor."""
OTHER = "other"
"""The vendor of an own device that none of the presets is like; the user says that the engine runs on it."""


def refusal(engine: str, label: str, device: Device) -> str:
    """Why an engine does not run on a device, empty where it does. `label` is the engine's name in words."""
    if device.vendor in RUNS_ON.get(engine, {}) or device.vendor == OTHER:
        return ""
    return f"{label} does not run on {device.vendor} GPUs"
