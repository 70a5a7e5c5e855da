"""ZAYA: attention whose queries and keys pass two convolutions, and experts that a small network picks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Tensor, matrix, norm
from .attention import Attention
from .mlp import MixtureOfExperts
from .state import convolution_state, depthwise, recurrent_state

SOURCE = "arXiv:2510.04476"


@dataclass(frozen=True, slots=True)
class ConvolvedAttention(Attention):
    """Figliolia et al. 2025, arXiv:2510.04476; transformers modeling_zaya.py ZayaCCAProjection.

    Half of each value comes from the token before.
    """

    depthwise_kernel: int = 2
    grouped_kernel: int = 2

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Projections, the convolutions of queries and keys, a temperature for each KV head, and the output."""
        half, bias = self.value_width // 2, self.qkv_bias
        roles = {"q_proj": self.query_width, "k_proj": self.key_width, "v_proj_current": half, "v_proj_delayed": half}
        for role, rows in roles.items():
            yield from matrix(role, rows, hidden_size, part="attention", bias=bias)
        channels = self.query_width + self.key_width
        yield from depthwise("conv_qk_depthwise", channels, self.depthwise_kernel, bias=True)
        taps = self.head_dim * self.grouped_kernel  # a group of channels for each head
        yield Tensor("conv_qk_grouped", channels * taps, part="attention")
        yield Tensor("conv_qk_grouped.bias", channels, part="attention")
        yield Tensor("qk_norm.temp", self.num_key_value_heads, part="attention")
        yield from matrix("o_proj", hidden_size, self.output_width, part="attention", bias=self.o_bias)

    def cache(self) -> tuple[CacheEntry, ...]:
        """Keys, values, the last inputs of both convolutions, and the value that waits for the next token."""
        kept = self.depthwise_kernel + self.grouped_kernel - 2
        inputs = convolution_state(self.query_width + self.key_width, kept)
        waiting = recurrent_state(1, self.value_width // 2, SOURCE, pinned="model16")
        return (*Attention.cache(self), inputs, waiting)


@dataclass(frozen=True, slots=True)
class ExpertsPickedByNetwork(MixtureOfExperts):
    """Experts and one that does nothing, picked by three layers that read what the layer before read (ZayaRouter)."""

    router_hidden_size: int = 256
    reads_before: bool = True
    """Not the first layer, which has no scale for it."""

    @property
    def choices(self) -> int:
        """The experts, and none."""
        return self.num_experts + 1

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """The router's network, its balancing offsets in float32, and the experts' matrices."""
        width, choices = self.router_hidden_size, self.choices
        yield from matrix("router.down_proj", width, hidden_size, part="router", bias=True)
        if self.reads_before:
            yield Tensor("router.router_states_scale", width, part="router")
        yield from norm("router.norm", width)
        for role in ("router.fc1", "router.fc2"):
            yield from matrix(role, width, width, part="router", bias=True)
        yield Tensor("router.out_proj", choices, width, part="router")
        yield Tensor("router.balancing_biases", choices, part="router", pinned="fp32", buffer=True)
        for tensor in MixtureOfExperts.tensors(self, hidden_size):
            if tensor.part == "experts":
                yield tensor
