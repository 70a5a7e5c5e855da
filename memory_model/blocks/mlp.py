"""Feed-forward blocks: dense, gated and not, and mixtures of experts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ..tensors import Tensor, matrix, norm


@dataclass(frozen=True, slots=True)
class DenseMlp:
    """`gated`: down(act(gate(x)) * up(x)), Shazeer 2020, arXiv:2002.05202; else down(act(up(x)))."""

    intermediate_size: int
    gated: bool = True
    bias: bool = False
    fused: bool = False
    """Gate and up come out of one matrix."""

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Two or three matrices, and their biases."""
        up = {"up_proj": self.intermediate_size}
        if self.gated:
            up = (
                {"gate_up_proj": 2 * self.intermediate_size}
                if self.fused
                else {"gate_proj": self.intermediate_size} | up
            )
        for role, rows in up.items():
            yield from matrix(role, rows, hidden_size, part="mlp", bias=self.bias)
        yield from matrix("down_proj", hidden_size, self.intermediate_size, part="mlp", bias=self.bias)


@dataclass(frozen=True, slots=True)
class MixtureOfExperts:
    """`num_experts` MLPs of which each token passes `num_experts_per_tok`; Shazeer et al. 2017, arXiv:1701.06538.

    Shared experts see every token (arXiv:2401.06066 §3.2); they are one MLP of `shared_intermediate_size`.
    """

    num_experts: int
    num_experts_per_tok: int
    moe_intermediate_size: int
    shared_intermediate_size: int = 0
    expert_bias: bool = False
    router_bias: bool = False
    correction_bias: bool = False
    """A balancing offset per expert: a float32 buffer, not a parameter (arXiv:2412.19437 §2.1.2)."""
    correction_counted: bool = False
    """That offset is a parameter (ERNIE 4.5)."""
    correction_stored: str = "fp32"
    """The number format that the offset keeps, empty for that of the weights (Trinity)."""
    router_pinned: str = ""
    """A number format that the router keeps, such as `fp32`."""
    zero_experts: int = 0
    """Experts that pass their input on and that the router may choose as well (LongCat, arXiv:2509.01322 §2.1).

    transformers 5.23 allocates gate and up matrices for them all the same.
    """
    hash_rows: int = 0
    """A table of `hash_rows` tokens chooses the experts, as 64-bit numbers, instead of the offset (DeepSeek-V4)."""
    output_norm: bool = False
    """A norm over the sum of routed and shared outputs (A.X K1)."""
    shared_gate: bool = False
    """The shared experts' output is scaled by one more row (Qwen2-MoE)."""
    gated: bool = True
    """down(act(gate(x)) * up(x)); else down(act(up(x))) (Nemotron)."""
    latent_size: int = 0
    """The routed experts work on so many values, projected from the hidden size and back; 0: on all of them."""
    latent_norm: bool = False
    """A norm over those values before they are projected back (Kimi K3)."""

    @property
    def choices(self) -> int:
        """Logits of the router that are kept beside the experts' rows."""
        return self.num_experts

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """The router, the experts' matrices and biases, and the shared experts."""
        rows = self.num_experts + self.zero_experts
        yield Tensor("router", rows, hidden_size, part="router", pinned=self.router_pinned)
        if self.router_bias:
            yield Tensor("router.bias", rows, part="router")
        if self.correction_bias:
            counted = self.correction_counted
            yield Tensor(
                "e_score_correction_bias", rows, part="router", pinned=self.correction_stored, buffer=not counted
            )
        if self.latent_size:
            yield Tensor("fc1_latent_proj", self.latent_size, hidden_size, part="experts")
            yield Tensor("fc2_latent_proj", hidden_size, self.latent_size, part="experts")
            if self.latent_norm:
                yield from norm("routed_expert_norm", self.latent_size)
        if self.hash_rows:
            yield Tensor(
                "tid2eid", self.hash_rows, self.num_experts_per_tok, part="router", pinned="int64", buffer=True
            )
        for role, rows, columns in self._matrices(self.latent_size or hidden_size, self.moe_intermediate_size):
            yield self._experts(role, rows, columns)
            if self.expert_bias:
                yield self._experts(f"{role}.bias", rows, 1)
        if self.shared_intermediate_size:
            for role, rows, columns in self._matrices(hidden_size, self.shared_intermediate_size):
                yield Tensor(f"shared_expert.{role}", rows, columns, part="shared experts")
            if self.shared_gate:
                yield Tensor("shared_expert_gate", 1, hidden_size, part="shared experts")
        if self.output_norm:
            yield from norm("post_mlp_layernorm", hidden_size)

    def _matrices(self, hidden_size: int, width: int) -> tuple[tuple[str, int, int], ...]:
        gate = (("gate_proj", width, hidden_size),) if self.gated else ()
        return (*gate, ("up_proj", width, hidden_size), ("down_proj", hidden_size, width))

    def _experts(self, role: str, rows: int, columns: int) -> Tensor:
        active = Fraction(self.num_experts_per_tok, self.num_experts + self.zero_experts)
        copies = self.num_experts if role.startswith("down_proj") else self.num_experts + self.zero_experts
        return Tensor(f"experts.{role}", rows, columns, copies, part="experts", active=active)


@dataclass(frozen=True, slots=True)
class DenseBesideExperts:
    """A dense MLP that every token passes and a mixture of experts, in one layer (LongCat, Gemma 4)."""

    dense: DenseMlp
    experts: MixtureOfExperts

    def tensors(self, hidden_size: int) -> Iterator[Tensor]:
        """Both."""
        yield from self.dense.tensors(hidden_size)
        yield from self.experts.tensors(hidden_size)
