"""The weights of one GPU: parts of matrices, whole norms, a padded vocabulary, and the table of rotations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ...amount import Component, Evidence, Factor, Lever, Moment, Term
from ...blocks.attention import Attention
from ...blocks.compressed_attention import CompressedAttention
from ...blocks.latent_attention import LatentAttention
from ...deployment import Deployment
from ...errors import InputError
from ...model_shape import ModelShape
from ...number_formats import Formats, Plane
from ...precision import WeightScheme, of_modules, stored, without_file
from ...tensors import Tensor
from .allocator import unused
from .experts import Mxfp4Kernels, experts_of, kernels_of, mxfp4_kernels
from .parallel import shard, stages
from .step_buffers import step_buffers

ROTATIONS = "rotary_embedding cos_sin_cache; Llama-3.1-8B prints 14.9889 GiB = 14.9575 + 0.03125"
HALVES = "mla/common.py process_weights_after_loading, W_UK_T and W_UV: DeepSeek-R1 in 4 bits prints 21.21 GiB at TP 16"
BLOCKS = "CUDACachingAllocator.cpp; Qwen2.5-7B prints 14.25 GiB = 14.193 + 0.0557 (tests/measured/vllm.csv)"
BY_ROW = "marlin_utils_fp8.py: block scales for every row, in 16 bits; Qwen3.5 35B prints 34.71 GiB on A100, 34.22 on DGX Spark"
TABLES_BY_WINDOW = ("gemma3_text", "gemma3n_text", "gemma4_text", "olmo3", "exaone4", "mimo_v2_flash")
"""Language models that rotate by other frequencies in their window layers."""
IN_FLOAT32 = ("gpt_oss", "deepseek_v4")
"""Language models whose cosines and sines are in float32 (gpt_oss.py get_rope, DeepseekV4ScalingRotaryEmbedding)."""
LARGEST_FACTOR = 2**20
"""Of linear scaling; real ones stretch a context by 2 to 16."""

FP8_BLOCK = 128
"""Rows and columns of a block of fp8 that has one scale (quantization/fp8.py weight_block_size)."""
PADDING_LOGGED = ("", "_on_hopper", "_on_amd", "_on_intel")
"""Ends of the names of kernels for MXFP4 whose weights a log prints."""


def gpu_weights(deployment: Deployment) -> Component:
    """The fullest stage's share on one of its GPUs, in bytes."""
    options = deployment.options
    per_stage = _stages(
        deployment.model,
        deployment.scheme,
        deployment.parts,
        deployment.formats,
        options.tensor_parallel,
        options.pipeline_parallel,
        mxfp4_kernels(deployment) if deployment.scheme.name == "mxfp4" else None,
        deployment.device is not None and deployment.device.kernels == "marlin",
    )
    several = len(per_stage) > 1
    moments = []
    for number, (stage, terms) in enumerate(zip(stages(deployment.model, options.pipeline_parallel), per_stage)):
        more = (*_rotation_table(deployment, stage), *_halves(deployment, stage), *step_buffers(deployment, stage))
        moments.append(Moment(f"stage {number + 1}" if several else "always", (*terms, *more)))
    note = "the fullest pipeline stage" if several else ""
    evidence = Evidence.EXACT
    if deployment.scheme.name == "mxfp4":
        where = kernels_of(deployment)
        evidence = Evidence.MEASURED if where in PADDING_LOGGED else Evidence.ASSUMED
        note = deployment.engine.facts.sources[f"mxfp4_hidden_multiple{where}"]
    if note_of_blocks := _parts_of_blocks(deployment):
        note = note_of_blocks
    if not deployment.model.dtype_stated and deployment.scheme.name == deployment.model.dtype:
        evidence, note = Evidence.ASSUMED, "the file does not state the type of the checkpoint; 16-bit is assumed"
    return Component("weights", tuple(moments), evidence, note)


def _parts_of_blocks(deployment: Deployment) -> str:
    """What the engine says of experts in fp8 of which a GPU has no whole blocks, empty where it takes them."""
    experts, facts = experts_of(deployment.model), deployment.engine.facts
    if experts is None or deployment.scheme.name != "fp8-block" or facts.constants["fp8_blocks_refined"]:
        return ""
    width = experts.moe_intermediate_size // deployment.options.tensor_parallel
    return facts.sources["fp8_blocks_refined"].removeprefix("0: ") if width % FP8_BLOCK else ""


@lru_cache(maxsize=1024)
def _stages(model, scheme, parts, formats, size, pipeline, kernels, marlin) -> tuple[tuple[Term, ...], ...]:  # type: ignore[no-untyped-def]
    share = _Share(model, formats, size, kernels, marlin)
    return tuple(tuple(_terms(share, _with_slots(stage), scheme, parts)) for stage in stages(model, pipeline))


@lru_cache(maxsize=256)
def _with_slots(stage: ModelShape) -> ModelShape:
    """Queries, keys and values are one matrix in every layer, also where a file has no keys or values (gemma4.py)."""
    return replace(stage, layers=tuple(
        replace(group, mixer=replace(group.mixer, shares_kv=False, k_eq_v=False))
        if isinstance(group.mixer, Attention) else group
        for group in stage.layers
    ))  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Share:
    """What one of `size` GPUs holds of a tensor."""

    model: ModelShape
    formats: Formats
    size: int
    kernels: Mxfp4Kernels | None
    """Those that read experts in MXFP4."""
    marlin: bool

    def of(self, tensor: Tensor) -> Tensor:
        part = shard(self.model, tensor, self.size)
        return self.kernels.padded(part) if self.kernels and tensor.part == "experts" else part

    def arrays(self, tensor: Tensor, name: str) -> Iterator[_Array]:
        """What is stored of one GPU's part of a tensor."""
        if self.kernels and tensor.part == "experts":
            for plane, rows, columns in self.kernels.arrays(tensor):
                yield _Array(plane, rows, columns)
            return
        for plane in self.formats[name].planes:
            by_row = self.marlin and plane.rows > 1
            yield _Array(replace(plane, bits=16, rows=1) if by_row else plane, tensor.rows, tensor.columns, by_row)


@dataclass(frozen=True, slots=True)
class _Array:
    """One of the arrays that together store a tensor."""

    plane: Plane
    rows: int
    columns: int
    by_row: bool = False
    """Marlin's kernels keep it for every row, not for every block."""

    def factors(self, name: str) -> tuple[Factor, ...]:
        return self.plane.factors(self.rows, self.columns, name)


def _terms(share: _Share, stage: ModelShape, scheme: WeightScheme, parts: str) -> Iterator[Term]:
    for layers, tensor, name in stored(stage, scheme, parts):
        part = share.of(tensor)
        for array in share.arrays(part, name):
            label = tensor.role if array.plane.name == "values" else f"{tensor.role}: {array.plane.name}"
            yield Term(
                label,
                (
                    *((Factor("layers", layers, Lever.MODEL),) if layers > 1 else ()),
                    *((Factor("experts", part.copies, Lever.MODEL),) if part.copies > 1 else ()),
                    *array.factors(name),
                ),
                BY_ROW if array.by_row else share.formats[name].source,
                tensor.part,
            )
    if left := _unused(share, stage, without_file(share.model, scheme), parts):
        yield Term("ends of blocks", (Factor("bytes", left, Lever.ENGINE, "behind large tensors"),), BLOCKS, "other")


def _unused(share: _Share, stage: ModelShape, scheme: WeightScheme, parts: str) -> int:
    """Bytes behind the stage's matrices; of a file's mix of formats they are not known."""
    return unused(
        (layers, tensor.role, array.plane.name, part.copies * int(Term("", array.factors(name)).bytes))
        for layers, tensor, name in (() if scheme.gguf_mix else of_modules(stage, scheme, parts))
        if not tensor.is_vector
        for part in (share.of(tensor),)
        for array in share.arrays(part, name)
    )


def _halves(deployment: Deployment, stage: ModelShape) -> Iterator[Term]:
    """Both halves of latent attention's kv_b_proj a second time, as decoding multiplies by them, in 16 bits."""
    for group in stage.layers:
        mixer = group.mixer
        if isinstance(mixer, LatentAttention):
            heads = -(-mixer.num_attention_heads // deployment.options.tensor_parallel)
            factors = (
                *((Factor("layers", len(group.layers), Lever.MODEL),) if len(group.layers) > 1 else ()),
                Factor("latent rank", mixer.kv_lora_rank, Lever.MODEL),
                Factor("heads on this GPU", heads, Lever.MODEL),
                Factor("key and value width", mixer.qk_nope_head_dim + mixer.v_head_dim, Lever.MODEL),
                deployment.value_bytes,
            )
            yield Term("halves of kv_b_proj", factors, HALVES, "attention")


def _rotation_table(deployment: Deployment, stage: ModelShape) -> tuple[Term, ...]:
    """Cosines and sines of every position, in the type of the computation or in float32; whole on every GPU."""
    kinds: dict[int | None, int] = {}
    constants = deployment.engine.facts.constants
    mrope = int(constants["mrope_tables"])
    nvidia = deployment.device is None or deployment.device.vendor == "NVIDIA"
    in_float32 = stage.modeling in IN_FLOAT32 or (nvidia and constants["rotations_in_float32"])
    by_window, (rope_type, factor) = stage.modeling in TABLES_BY_WINDOW, _rope(stage, mrope)
    for group in stage.layers:
        mixer = getattr(group.mixer, "attention", group.mixer)
        if isinstance(mixer, Attention) and mixer.rotary_dim:
            whole = rope_type == "proportional" and mixer.window is None
            kinds[mixer.window if by_window else None] = mixer.head_dim if whole else mixer.rotary_dim
        elif isinstance(mixer, LatentAttention):
            kinds[None] = mixer.qk_rope_head_dim
        elif isinstance(mixer, CompressedAttention):
            kinds[None if mixer.compress_rate else mixer.window] = int(stage.stated("qk_rope_head_dim") or 64)
    terms = []
    for window, rotated in kinds.items():
        stretch = factor if window is None else 1
        note = f"{stretch} times as many" if stretch > 1 else ""
        positions = Factor("positions", stage.max_position_embeddings * stretch, Lever.MODEL, note)
        width = Factor("rotated values", rotated, Lever.MODEL)
        label = "rotation table" if window is None else f"rotation table, window of {window:,}"
        size = Factor("bytes per value", 4, Lever.ENGINE, "float32") if in_float32 else deployment.value_bytes
        terms.append(Term(label, (positions, width, size), ROTATIONS, "other"))
    return tuple(terms)


def _rope(model: ModelShape, mrope: int) -> tuple[str, int]:
    """How full layers rotate, and by how much that lengthens the table: `mrope` times for positions in images and time.

    Linear scaling does too (LinearScalingRotaryEmbedding); proportional tables are as wide as the head (gemma4_rope.py).
    """
    for section in (model.config, model.text_config):
        for key in ("rope_scaling", "rope_parameters"):
            stated: Any = section.get(key)
            if isinstance(stated, dict):
                stated = stated.get("full_attention", stated) or {}  # null: full layers do not rotate
            if isinstance(stated, dict):
                found = stated.get("rope_type", stated.get("type"))
                if stated.get("mrope_section"):
                    return str(found), mrope
                if found == "linear":
                    return str(found), _factor(stated.get("factor", 1), f"{model.name} › {key} › factor")
                if found:
                    return str(found), 1
    return "", 1


def _factor(stated: Any, where: str) -> int:
    if type(stated) not in (int, float) or not 1 <= stated <= LARGEST_FACTOR:
        problem = f"expected a number from 1 to {LARGEST_FACTOR:,}, got {stated!r:.40}"
        raise InputError(f"{where}: {problem}; check the file against its source")
    return int(stated)
