"""Mamba: a selective state space with a state of `d_state` values in every channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..tensors import CacheEntry, Tensor, matrix, norm
from .state import convolution_state, depthwise, recurrent_state


@dataclass(frozen=True, slots=True)
class Mamba:
    """Gu and Dao 2023, arXiv:2312.00752; transformers modeling_mamba.py, modeling_jamba.py, modeling_falcon_mamba.py."""

    d_inner: int
    d_state: int
    conv_kernel: int
    dt_rank: int
    conv_bias: bool = True
    proj_bias: bool = False
    inner_norms: bool = False
    """Norms on the time step and on B and C (Jamba, arXiv:2403.19887)."""
    weightless_norms: bool = False
    """The same norms without learned weights: transformers holds ones in buffers (Falcon Mamba, arXiv:2410.05355)."""
    heads: int = 1
    """Parts of the channels that are scanned one after the other (Zamba)."""
    decay_stored: str = ""
    """The number format that the rates of decay keep, empty for that of the weights (Zamba)."""

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """The projections, the convolution, A and D of one layer."""
        part = "recurrence"
        yield from matrix("in_proj", 2 * self.d_inner, hidden_size, part=part, bias=self.proj_bias)
        yield from depthwise("conv1d", self.d_inner, self.conv_kernel, bias=self.conv_bias)
        yield from matrix("x_proj", self.dt_rank + 2 * self.d_state, self.d_inner, part=part)
        yield from matrix("dt_proj", self.d_inner, self.dt_rank, part=part, bias=True)
        rates = self.d_inner * self.d_state  # as a vector: no scheme quantises it
        yield Tensor("A_log", rates, part=part, pinned=self.decay_stored)
        yield Tensor("D", self.d_inner, part=part)
        yield from matrix("out_proj", hidden_size, self.d_inner, part=part, bias=self.proj_bias)
        if self.inner_norms:
            yield from norm("dt_layernorm", self.dt_rank)
            yield from norm("b_layernorm", self.d_state)
            yield from norm("c_layernorm", self.d_state)
        if self.weightless_norms:
            for role, width in (
                ("dt_layernorm", self.d_inner),
                ("b_layernorm", self.d_state),
                ("c_layernorm", self.d_state),
            ):
                yield Tensor(role, width, part="norms", buffer=True)

    def cache(self) -> tuple[CacheEntry, ...]:
        """The last inputs of the convolution, and `d_state` values in every channel."""
        return (
            convolution_state(self.d_inner, self.conv_kernel),
            recurrent_state(self.d_inner, self.d_state, "arXiv:2312.00752 §3.2"),
        )

    def llama_cpp_state(self) -> tuple[int, int]:
        """Values of the convolution and of the recurrent state that llama.cpp keeps (llama-hparams.cpp, n_embd_r, n_embd_s)."""
        return (self.conv_kernel - 1) * self.d_inner, self.d_state * self.d_inner
