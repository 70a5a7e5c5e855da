"""Which of vLLM's two model runners has a model, and what its profile finds."""

from __future__ import annotations

from dataclasses import dataclass

from ...deployment import Deployment
from ...model_shape import ModelShape
from ..facts import EngineFacts
from .experts import experts_of

STREAMS = 4
"""Tensors of the hidden size in the first runner's busiest layer: within 1 % of three logs (profile.py)."""
DENSE, ALL = 1, 2
"""Values of the constant `second_runner`: the models that the second runner has in a version, 0 for none."""


@dataclass(frozen=True, slots=True)
class Runner:
    """What differs between `worker/gpu_model_runner.py`, the first, and `worker/gpu/model_runner.py`, the second."""

    bytes_per_logit: float
    """Of the sampler, with 16-bit weights."""
    source: str
    """Where that comes from."""
    forward_streams: int
    """Tensors of the hidden size beside those of the MLP."""
    graphs_within_share: bool
    """Whether CUDA graphs are taken off the pool; the second's `profile_cudagraph_memory` returns 0."""


def runner_of(deployment: Deployment, facts: EngineFacts) -> Runner:
    """The runner that has this model in this version, where nothing makes it fall back."""
    constants = facts.constants
    if constants["second_runner"] >= (DENSE if _is_dense(deployment.model) else ALL):
        name, streams, graphs = "second_runner_bytes_per_logit", int(constants["second_runner_forward_streams"]), False
    else:
        amd = deployment.device is not None and deployment.device.vendor == "AMD"
        name = "sampler_bytes_per_logit_on_amd" if amd else "sampler_bytes_per_logit"
        streams, graphs = STREAMS, bool(constants["graphs_within_share"])
    return Runner(constants[name], facts.sources[name], streams, graphs)


def _is_dense(model: ModelShape) -> bool:
    """Without experts and recurrent states."""
    entries = (entry for group in model.layers if group.mixer is not None for entry in group.mixer.cache())
    return experts_of(model) is None and all(entry.grows for entry in entries)
