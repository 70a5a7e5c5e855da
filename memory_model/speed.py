"""How fast at most, and for what price: bounds from a device's bandwidth and compute; real runs are slower."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .amount import Evidence
from .deployment import Deployment
from .errors import InputError
from .step_work import StepWork, decode_step, step_work
from .units import larger

LONGEST_ANSWER = 2**20
"""Tokens; every one has a bound of its own."""
NO_BANDWIDTH = "the bandwidth of this device is not known"
NO_COMPUTE = "the compute rate of this device is not known: the time to move bytes alone, and none for a prompt"
ON_HOST = "layers or cache are in host memory, whose bandwidth is not known"
SIXTEEN_BITS = "computed at the device's dense 16-bit rate; kernels in 8 or 4 bits can be faster where compute binds"


@dataclass(frozen=True, slots=True)
class TimeBound:
    """The least time of a step, in seconds, at a point or over a grid: never less than either of the two."""

    memory_seconds: Any
    """To move the bytes between memory and processor."""
    compute_seconds: Any
    """To do the operations; 0 where the device's rate is not known."""
    notes: tuple[str, ...] = ()
    evidence: Evidence = Evidence.ASSUMED

    @property
    def seconds(self) -> Any:
        """The larger of the two."""
        return larger(self.memory_seconds, self.compute_seconds)

    @property
    def binds(self) -> str:
        """`memory` or `compute`: which of the two takes longer; defined at a point."""
        return "memory" if self.memory_seconds >= self.compute_seconds else "compute"


@dataclass(frozen=True, slots=True)
class AnswerBound:
    """The least time and price of one answer to one prompt, for every sequence of the batch at once."""

    prompt_tokens: int
    answer_tokens: int
    sequences: int
    prefill_seconds: float
    decode_seconds: float
    """All tokens of the answer but the first, which the prefill gives."""
    devices: int
    price_per_hour: float | None
    """Of one device, as the user states it."""

    @property
    def seconds(self) -> float:
        """Prompt and answer."""
        return self.prefill_seconds + self.decode_seconds

    @property
    def tokens_per_second(self) -> float:
        """Answer tokens of all sequences together, at most."""
        return self.sequences * self.answer_tokens / self.seconds

    @property
    def price_per_answer(self) -> float | None:
        """In the currency of the stated price, at least; None without one."""
        return None if self.price_per_hour is None else self._price_of_all / self.sequences

    @property
    def price_per_million_tokens(self) -> float | None:
        """Of answer tokens, their prompts included; None without a stated price."""
        return None if self.price_per_hour is None else self._price_of_all / self.sequences / self.answer_tokens * 1e6

    @property
    def _price_of_all(self) -> float:
        return price(self.seconds, self.price_per_hour or 0.0, self.devices)


def time_bound(deployment: Deployment, work: StepWork) -> TimeBound | None:
    """The least time that the deployment's device needs for a step; None where `refusal` says why there is none.

    With pipeline stages: the time until the step has passed all of them.
    """
    device = deployment.device
    if device is None or device.bandwidth_gbps is None or refusal(deployment):
        return None
    memory = work.bytes / (device.bandwidth_gbps * 1e9)
    if device.bf16_tflops is None:
        one_token = work.phase == "decode" and deployment.options.use_cache
        return TimeBound(memory, 0.0, (*work.notes, NO_COMPUTE)) if one_token else None
    notes = (*work.notes, SIXTEEN_BITS)
    return TimeBound(memory, work.flops / (device.bf16_tflops * 1e12), notes)


def refusal(deployment: Deployment) -> str:
    """Why there is no bound on time, empty where there is one."""
    options = deployment.options
    if deployment.device is None:
        return "no device is chosen"
    if deployment.device.bandwidth_gbps is None:
        return NO_BANDWIDTH
    everything = deployment.model.num_hidden_layers + 1
    few = options.gpu_layers is not None and options.gpu_layers < everything
    return ON_HOST if options.placement == "cpu" or few or not options.kv_offload else ""


def seconds_per_token(deployment: Deployment) -> Any:
    """The least time of one decode step at the workload's context and batch; None without a bound."""
    bound = time_bound(deployment, decode_step(deployment))
    return None if bound is None else bound.seconds


def answer_bound(
    deployment: Deployment,
    answer_tokens: int,
    *,
    prompt_tokens: int | None = None,
    past: int = 0,
    price_per_hour: float | None = None,
) -> AnswerBound | None:
    """The least time and price of an answer; None without a bound. Raises InputError for an answer beyond 2**20 tokens.

    The prompt is `context_length` tokens unless `prompt_tokens` says otherwise, on top of `past` tokens that the cache
    holds already.
    """
    if not 1 <= answer_tokens <= LONGEST_ANSWER:
        raise InputError(f"answer_tokens: {answer_tokens:,} is outside 1 to {LONGEST_ANSWER:,}")
    prompt = int(deployment.workload.context_length) if prompt_tokens is None else prompt_tokens
    cached = deployment.options.use_cache
    first = step_work(deployment, past if cached else 0, prompt if cached else past + prompt, "prefill")
    read = time_bound(deployment, first)
    if read is None:
        return None
    decode = 0.0
    if answer_tokens > 1:
        contexts = past + prompt + np.arange(1, answer_tokens, dtype=np.float64)
        bound = time_bound(deployment, decode_step(at_context(deployment, contexts)))
        decode = float(np.sum(np.broadcast_to(bound.seconds, contexts.shape))) if bound else 0.0
    return AnswerBound(
        prompt,
        answer_tokens,
        int(deployment.workload.batch_size),
        float(read.seconds),
        decode,
        deployment.options.devices,
        price_per_hour,
    )


def price(seconds: float, price_per_hour: float, devices: int = 1) -> float:
    """What so many devices cost for so long, in the currency of the stated price of one device and hour.

    Raises InputError for a price that is negative or no number.
    """
    if not 0 <= price_per_hour < float("inf"):
        raise InputError(f"price_per_hour: expected a price of 0 or more, got {price_per_hour!r:.40}")
    return seconds / 3600 * price_per_hour * devices


def at_context(deployment: Deployment, context_length: Any) -> Deployment:
    """The same deployment at another context length, a point or a grid."""
    return replace(deployment, workload=replace(deployment.workload, context_length=context_length))
