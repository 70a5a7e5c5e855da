"""The bar of a training step: weights, gradients, optimizer, activations and overhead."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from ..amount import Component, Evidence, Factor, Lever, MemoryBreakdown, Moment, Term
from ..blocks.attention import Attention
from ..blocks.delta_net import GatedDeltaNet
from ..blocks.latent_attention import LatentAttention
from ..blocks.mamba2 import Mamba2
from ..blocks.mlp import DenseBesideExperts, DenseMlp, MixtureOfExperts
from ..blocks.parallel import AttentionAndMamba2
from ..blocks.short_conv import ShortConvolution
from ..deployment import Deployment
from ..engines.transformers.modeling import code_of
from ..errors import InputError
from ..evidence import accuracy_table, said
from ..model_shape import ModelShape
from ..precision import half
from ..resolve import resolve
from ..scenario import Scenario
from ..weights import weights
from .batch import Batch
from .matrices import Method
from .optimizers import ADAFACTOR, Optimizer
from .parameters import learning
from .step import training_step
from .tape import busiest, terms
from .training import Training

COMPONENTS = ("weights", "gradients", "optimizer", "activations", "optimizer_step", "overhead")
"""The parts of the bar, from its bottom to its top."""
BACKWARD = "backward pass"
"""The moment when a step needs most, unless it is the optimizer's."""
MEASURED = (
    "llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "phi3", "olmo2", "granite", "gpt2", "gpt_neox",
    "ministral3", "smollm3", "olmo3", "exaone4", "starcoder2", "mixtral", "qwen3_moe", "olmoe",
    "gpt_oss", "glm4", "glm4_moe", "ernie4_5", "ernie4_5_moe", "minimax_m2", "cohere", "cohere2", "apertus", "phi",
    "hunyuan_v1_dense", "deepseek_v2", "deepseek_v3", "glm4_moe_lite", "mistral4", "lfm2", "lfm2_moe", "gemma4_text",
    "qwen3_5_text", "qwen3_5_moe_text", "qwen3_next", "nemotron_h", "granitemoehybrid", "falcon_h1",
    "llama4_text", "falcon", "bloom", "mimo_v2_flash",
)  # fmt: skip
"""Families whose training step was measured: tests/measured/training.csv."""
MEASURED_PEAK = "peak of a step, 16 and 32 bits"
"""What the accuracy table calls it."""
UNDERSTOOD = {
    Attention, LatentAttention, ShortConvolution, GatedDeltaNet, Mamba2, AttentionAndMamba2, DenseMlp, MixtureOfExperts,
    DenseBesideExperts,
}  # fmt: skip
"""Blocks whose operations are written down."""
WRITTEN = {
    "norm": ("rms", "gemma", "late", "wide", "centred", "layer"),
    "activation": ("", "gelu_new", "xielu", "relu2", "bloom_gelu"),
}
WRITTEN_SCORES = ("float32", "plain", "sink", "alibi", "raw", "shifted")
NOT_YET = Factor("not yet", -1, Lever.ENGINE, "counted in the gradients, which are complete only after the pass")
WITHOUT_KERNELS = {
    ShortConvolution: "convolutions as torch runs them where causal_conv1d is not installed",
    **dict.fromkeys(
        (GatedDeltaNet, Mamba2, AttentionAndMamba2),
        "layers with a state as torch runs them where fla, mamba_ssm and causal_conv1d are not installed, which take far less",
    ),
}
"""Which kernels are left out, by kind of layer."""
LIMITS = "without dropout; what kernels allocate inside, rounding and fragmentation are not counted"


@lru_cache(maxsize=64)
def training_memory(training: Training, model: ModelShape | None = None) -> MemoryBreakdown:
    """Bytes of a training step in steady state: its forward and backward pass, then the optimizer's.

    `model` stands in for the question's own, already read. Raises InputError for a model or a combination that is not understood.
    """
    deployment = training_deployment(training, model)
    method, optimizer = training_method(training, deployment), _optimizer_of(training, deployment)
    backward, step = step_moments(training, model)
    decides = max(backward, step, key=lambda moment: int(moment.bytes))
    return MemoryBreakdown(
        "training",
        (
            _weights(deployment, optimizer, method),
            _gradients(optimizer),
            _optimizer(optimizer),
            _activations(training, deployment, backward, decides),
            _intermediates(step, decides),
            deployment.engine.overhead(deployment),
        ),
    )


@lru_cache(maxsize=64)
def step_moments(training: Training, model: ModelShape | None = None) -> tuple[Moment, Moment]:
    """What is alive above weights, gradients and states while most is: in the backward pass, and in the optimizer's step.

    They are never alive together, so the larger one decides. Raises InputError as `training_memory`.
    """
    deployment = training_deployment(training, model)
    instant = busiest(training_step(batch_of(training, deployment)).operations)
    values = tuple(storage for storage in instant.alive if not storage.is_gradient)
    held = (*terms(values, "activations"), *terms(instant.to_come, "gradients not computed yet", NOT_YET))
    return Moment(f"{BACKWARD}, {instant.name}", held), _optimizer_of(training, deployment).stepping()


def _optimizer_of(training: Training, deployment: Deployment) -> Optimizer:
    method = training_method(training, deployment)
    master = training.precision == "mixed" and method.learns
    return Optimizer(training.optimizer, learning(deployment.model, method), master)


def training_deployment(training: Training, model: ModelShape | None = None) -> Deployment:
    """The model in its formats on transformers. Raises InputError for a model that cannot be trained here."""
    asked = Scenario(
        model=training.model,
        weights={"qlora": "nf4-dq"}.get(training.method, "fp32" if training.precision == "fp32" else "bf16"),
        attention=training.attention,
        phase="prefill",
        logits="all",
        context_length=training.context_length,
        batch_size=training.batch_size,
        device=training.device,
        parts="text",
    )
    deployment = resolve(asked, model)
    _check(deployment.model)
    return deployment


def training_method(training: Training, deployment: Deployment) -> Method:
    """What learns, and in which formats."""
    value = Factor(
        "bytes per value",
        4 if training.precision == "fp32" else 2,
        Lever.PRECISION,
        "float32" if training.precision == "fp32" else "16-bit",
    )
    if training.method == "full":
        return Method("full", value, value)
    wide = Factor("bytes per value", 4, Lever.PRECISION, "float32, as peft keeps adapters unless told otherwise")
    adapters = value if training.precision == "bf16" else wide
    return Method(
        training.method, value, adapters, training.lora_rank, _stored(training.lora_targets, deployment.model)
    )


def _stored(targets: tuple[str, ...], model: ModelShape) -> tuple[str, ...]:
    """Queries, keys and values, or gate and up, stand for the matrix that a model has instead: fused, or out of a latent."""
    roles = {tensor.role for _, tensor in model.tensors("text")}
    fused = {"q_proj": "qkv_proj", "k_proj": "qkv_proj", "v_proj": "qkv_proj"}
    if "kv_b_proj" in roles:
        fused = {"q_proj": "q_b_proj", "k_proj": "kv_b_proj", "v_proj": "kv_b_proj"}
    fused |= {"gate_proj": "gate_up_proj", "up_proj": "gate_up_proj"}
    return tuple(dict.fromkeys(role if role in roles else fused.get(role, role) for role in targets))


def _check(model: ModelShape) -> None:
    code = code_of(model)
    blocks = [block for group in model.layers for block in (group.mixer, group.mlp) if block is not None]
    understood = {type(block) for block in blocks} <= UNDERSTOOD
    understood = understood and code.norm in WRITTEN["norm"] and code.activation in WRITTEN["activation"]
    understood = understood and not code.loops_over_experts and not code.sub_norms
    understood = understood and code.streams == 1 and (code.rope_one_by_one or not _has_own_inputs(model))
    understood = understood and code.scores in WRITTEN_SCORES and (code.scores != "raw" or code.order == "parallel")
    understood = understood and (code.order == "sandwich" or not any(isinstance(b, DenseBesideExperts) for b in blocks))
    understood = understood and not (code.float32_stream or code.float32_residual or code.hyper_connections)
    understood = understood and not any(isinstance(b, GatedDeltaNet) and b.layout == "separate" for b in blocks)
    experts = [block for block in blocks if isinstance(block, MixtureOfExperts)]
    attention = [block for block in blocks if isinstance(block, Attention)]
    plain = all(not (moe.latent_norm or moe.zero_experts or moe.output_norm) for moe in experts)
    latent = [block for block in blocks if isinstance(block, LatentAttention)]
    plain = plain and not any(
        one.output_gate or one.query_gate or one.gates_heads or one.sinks or one.scales_queries or one.shares_kv
        for one in latent
    )
    plain = plain and not any(
        one.gate_width
        or (one.output_gate and one.qk_norm != "head")
        or ((one.k_eq_v or one.shares_kv) and not code.rope_one_by_one)
        for one in attention
    )
    if not (understood and plain):
        raise InputError(
            f"model: what a training step of {model.modeling} keeps is not known; "
            f"known: softmax and latent attention and gated DeltaNet with dense MLPs or experts, such as {', '.join(MEASURED[:4])}"
        )


def _has_own_inputs(model: ModelShape) -> bool:
    """Whether every layer has values of the input of its own."""
    stated = model.text_config.get("hidden_size_per_layer_input")
    return bool(code_of(model).per_layer_inputs if stated is None else stated)


def _weights(deployment: Deployment, optimizer: Optimizer, method: Method) -> Component:
    found = weights(deployment)
    if method.learns:
        return found
    adapters = tuple(
        Term(p.role, (*p.factors, p.size), "arXiv:2106.09685 §4", "adapters") for p in optimizer.parameters
    )
    return replace(found, moments=(Moment("always", (*found.terms, *adapters)),))


def _gradients(optimizer: Optimizer) -> Component:
    found = tuple(Term(f"gradient of {p.role}", (*p.factors, p.size)) for p in optimizer.parameters)
    note = "one value for each parameter that learns, in the parameter's format; freed after every step"
    return Component("gradients", (Moment("after the backward pass", found),), Evidence.EXACT, note)


def _optimizer(optimizer: Optimizer) -> Component:
    note = "states of the real optimizers, compared byte for byte"
    return Component("optimizer", (Moment("always", optimizer.states()),), Evidence.EXACT, note)


def batch_of(training: Training, deployment: Deployment) -> Batch:
    """What the operations of a step depend on."""
    return Batch(
        deployment.model,
        code_of(deployment.model),
        training_method(training, deployment),
        deployment.workload.sequences,
        deployment.workload.tokens,
        deployment.attention == "eager",
        training.gradient_checkpointing,
    )


def _activations(training: Training, deployment: Deployment, backward: Moment, decides: Moment) -> Component:
    model = deployment.model
    moment = backward if decides is backward else Moment(decides.name, ())
    doubts = []
    if model.modeling not in MEASURED:
        doubts.append(
            f"the training step of {model.modeling} was not measured: its modeling code is read as for inference"
            + (f", where {code_of(model).assumed}" if code_of(model).assumed else "")
        )
    if training.method == "qlora":
        doubts.append(
            "measured on a CPU, whose forward product is fused; that CUDA unpacks the matrix is read from bitsandbytes 0.50"
        )
    if half(model) == "fp16":
        doubts.append("fp16 is counted as bf16, without a loss scaler")
    evidence = Evidence.ASSUMED if doubts else Evidence.MEASURED
    measured = "" if doubts else _measured()
    paths = dict.fromkeys(WITHOUT_KERNELS.get(type(group.mixer), "") for group in model.layers)
    freed = "" if decides is backward else f"freed before the {decides.name}, which needs more than the {BACKWARD}"
    note = "; ".join(filter(None, (freed, *doubts, measured, *paths, LIMITS)))
    return Component("activations", (moment,), evidence, note)


def _intermediates(step: Moment, decides: Moment) -> Component:
    """Freed again with the optimizer's step, and no larger with more tokens; none where the backward pass needs more."""
    moment = step if decides is step else Moment(decides.name, ())
    evidence = Evidence.MEASURED if any(term.source == ADAFACTOR for term in step.terms) else Evidence.EXACT
    note = "what the optimizer's step allocates for all parameters and frees again, compared with the real optimizers"
    return Component("optimizer_step", (moment,), evidence, note)


@lru_cache(maxsize=1)
def _measured() -> str:
    """How close the measured steps came, from the accuracy table."""
    row = next(row for row in accuracy_table() if (row.engine, row.quantity) == ("training", MEASURED_PEAK))
    return said(row, "the modeling code on torch 2.13.0")
