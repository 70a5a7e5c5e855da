"""What one step of a model does at least: operations, and bytes between memory and processor, as named factors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from .amount import Factor, Lever, Number, Term, product
from .attention_work import looks, reads, recurrent_values, states
from .blocks.latent_attention import LatentAttention
from .blocks.parallel import AttentionAndMamba2
from .blocks.shared_transformer import SharedAttention, SharedMlp
from .deployment import Deployment
from .model_shape import LayerGroup, ModelShape
from .number_formats import Formats
from .precision import WeightScheme, stored
from .tensors import Tensor
from .units import smaller

TWO = Factor("operations", 2, Lever.FIXED, "a multiplication and an addition")
LEFT_OUT = (
    "not counted: norms, activations, rotations, softmax, convolutions, rows looked up in embeddings, intermediate "
    "values written and read, communication between GPUs; weights are read once a step"
)


@dataclass(frozen=True, slots=True)
class Operations:
    """Floating-point operations that equal the product of their factors."""

    label: str
    factors: tuple[Factor, ...]
    source: str = ""
    count: Number = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", product([factor.value for factor in self.factors]))


@dataclass(frozen=True, slots=True)
class StepWork:
    """The least that one GPU does in a step: of its share of each layer under tensor parallelism, through all stages."""

    phase: str
    """`prefill` or `decode`."""
    past: Number
    """Tokens of a sequence that the cache holds before the step."""
    new: Number
    """Tokens of a sequence that the step processes."""
    operations: tuple[Operations, ...]
    moved: tuple[Term, ...]
    notes: tuple[str, ...]
    """What is assumed and what is left out."""

    @property
    def flops(self) -> Number:
        """All operations."""
        return sum((work.count for work in self.operations), start=0)

    @property
    def bytes(self) -> Number:
        """All bytes read from and written to the device's memory."""
        return sum((term.bytes for term in self.moved), start=0)


def decode_step(deployment: Deployment) -> StepWork:
    """One more token for every sequence; `context_length` counts it. Without a cache the whole context anew."""
    context: Any = deployment.workload.context_length
    if not deployment.options.use_cache:
        return replace(step_work(deployment, 0, context, "prefill"), phase="decode")
    return step_work(deployment, context - 1, 1, "decode")


def prefill(deployment: Deployment) -> StepWork:
    """The whole context of every sequence, with nothing in the cache before."""
    return step_work(deployment, 0, deployment.workload.context_length, "prefill")


def step_work(deployment: Deployment, past: Number, new: Number, phase: str) -> StepWork:
    """`new` tokens of every sequence on top of `past` ones that the cache holds; points or grids."""
    operations = (*_matrices(deployment, new), *_attention(deployment, past, new, phase))
    moved = (*_weights(deployment, new), *_cache(deployment, past, new, phase))
    notes = [LEFT_OUT]
    if any(tensor.active < 1 for _, tensor in deployment.model.tensors("text")):
        notes.append("experts touched: as many as an even router would choose on average")
    if deployment.options.pipeline_parallel > 1:
        notes.append("the stages work one after the other on a step")
    return StepWork(phase, past, new, operations, moved, tuple(notes))


def _shared(deployment: Deployment) -> tuple[Factor, ...]:
    """The share of one GPU under tensor parallelism."""
    size = deployment.options.tensor_parallel
    return (Factor("share of one GPU", Fraction(1, size), Lever.WORKLOAD, f"{size} GPUs"),) if size > 1 else ()


def _tokens(deployment: Deployment, new: Number) -> tuple[Factor, Factor]:
    return deployment.workload.sequences, Factor("new tokens", new, Lever.WORKLOAD)


def _matrices(deployment: Deployment, new: Number) -> Iterator[Operations]:
    share = _shared(deployment)
    layers, head = active_values(deployment.model)
    for part, values in layers:
        passed = Factor("active values", values, Lever.MODEL, "of the matrices that a token passes")
        yield Operations(f"matrices: {part}", (TWO, *_tokens(deployment, new), passed, *share))
    rows = Factor("rows", new if deployment.workload.logits == "all" else 1, Lever.ENGINE, "tokens that need logits")
    factors = (TWO, deployment.workload.sequences, rows, Factor("values", head, Lever.MODEL), *share)
    yield Operations("matrices: head", factors)


def _attention(deployment: Deployment, past: Number, new: Number, phase: str) -> Iterator[Operations]:
    model, sequences, share = deployment.model, deployment.workload.sequences, _shared(deployment)
    expands = deployment.engine.facts.expands_latent_rows
    for group in model.layers:
        layers = Factor("layers", len(group.layers), Lever.MODEL)
        for look in looks(model, group.mixer, absorbed=phase == "decode" and not expands):
            pairs = Factor("pairs of tokens", look.pairs(past, new), Lever.WORKLOAD, look.label)
            heads = Factor("heads", look.heads, Lever.MODEL)
            width = Factor("head sizes", look.width, Lever.MODEL, "of queries and values together")
            yield Operations(f"attention: {look.label}", (TWO, sequences, layers, pairs, heads, width, *share))
        if expands and isinstance(group.mixer, LatentAttention):
            old = Factor("tokens of the past", past, Lever.WORKLOAD)
            size = Factor("values", _expansion(group.mixer), Lever.MODEL, "kv_b_proj")
            note = "transformers expands every latent row in each step"
            yield Operations("latent rows expanded again", (TWO, sequences, layers, old, size, *share), note)
        values = recurrent_values(group.mixer)
        if values:
            twice = Factor("multiply-adds", 2, Lever.FIXED, "at least one to update and one to read each value")
            state = Factor("values of the state", values, Lever.MODEL)
            yield Operations("recurrent states", (TWO, twice, *_tokens(deployment, new), layers, state, *share))


def _expansion(mixer: LatentAttention) -> int:
    return mixer.num_attention_heads * (mixer.qk_nope_head_dim + mixer.v_head_dim) * mixer.kv_lora_rank


def _weights(deployment: Deployment, new: Any) -> Iterator[Term]:
    share = _shared(deployment)
    stays = deployment.engine.as_it_stays(deployment)
    for part, active, size in _read_weights(stays.model, stays.scheme, stays.formats):
        held = Factor("bytes", size, Lever.PRECISION, "of all experts" if active < 1 else "")
        touched = share_touched(active, deployment.workload.batch_size * new) if active < 1 else None
        experts = () if touched is None else (Factor("experts touched", touched, Lever.WORKLOAD, "share, on average"),)
        yield Term(f"weights: {part}", (held, *experts, *share), part=part)


def share_touched(active: Fraction, tokens: Any) -> Any:
    """The share of experts that at least one of so many tokens passes, on average, if all are chosen equally often."""
    share = 1 - (1 - float(active)) ** tokens
    return share if isinstance(share, np.ndarray) else Fraction(share).limit_denominator(10**6)


def _cache(deployment: Deployment, past: Any, new: Any, phase: str) -> Iterator[Term]:
    model, sequences = deployment.model, deployment.workload.sequences
    for group in model.layers:
        layers = Factor("layers", len(group.layers), Lever.MODEL)
        written = {entry.label for entry in group.mixer.cache()} if group.mixer else set()
        for read in reads(model, group.mixer):
            row = _row(deployment, read.entry)
            rows = Factor("rows read", read.rows(past), Lever.WORKLOAD)
            yield Term(f"cache read: {read.entry.label}", (sequences, rows, layers, *row), part="kv_cache")
            if read.entry.label in written:
                every = read.entry.every
                kept = (past + new) // every - past // every
                if read.entry.window:
                    kept = smaller(kept, read.entry.window)
                added = Factor("rows written", kept, Lever.WORKLOAD)
                yield Term(f"cache written: {read.entry.label}", (sequences, added, layers, *row), part="kv_cache")
        for entry in states(group.mixer):
            way = 2 if phase == "decode" else 1
            ways = Factor("ways", way, Lever.FIXED, "read and written" if way == 2 else "written")
            yield Term(entry.label, (sequences, ways, layers, *_row(deployment, entry)), part="state")


def _row(deployment: Deployment, entry: Any) -> tuple[Factor, ...]:
    held = -(-deployment.engine.heads_held(entry) // deployment.options.tensor_parallel)
    heads = Factor("KV heads", held, Lever.MODEL)
    return deployment.format_of(entry).row_factors(heads, Factor("head size", entry.width, Lever.MODEL))


@lru_cache(maxsize=256)
def active_values(model: ModelShape) -> tuple[tuple[tuple[str, int], ...], int]:
    """Values of the matrices that one token passes, by part; and those of the matrix that makes the logits."""
    parts: dict[str, Fraction] = {}
    for layers, tensor in _passed(model):
        if not tensor.is_vector:
            parts[tensor.part] = parts.get(tensor.part, Fraction(0)) + layers * tensor.values * tensor.active
    heads = [tensor for tensor in (*model.head, *model.embeddings) if tensor.role in ("lm_head", "embed_tokens")]
    return tuple((part, int(values)) for part, values in parts.items()), heads[0].values


def _passed(model: ModelShape) -> Iterator[tuple[int, Tensor]]:
    for group in model.layers:
        for tensor in _in_use(group).tensors(model.hidden_size):
            if not tensor.buffer:
                yield len(group.layers), tensor
    for tensor in (*model.embeddings, *model.head):
        if tensor.part not in ("embedding", "head") and not tensor.buffer:
            yield 1, tensor


def _in_use(group: LayerGroup) -> LayerGroup:
    """The layers with the block that they share with others, and with their own adapter alone (Zamba2)."""
    mixer, mlp = group.mixer, group.mlp
    if isinstance(mixer, AttentionAndMamba2) and isinstance(mixer.attention, SharedAttention):
        mixer = replace(mixer, attention=replace(mixer.attention, owned=True, adapters=1))
    if isinstance(mlp, SharedMlp):
        mlp = replace(mlp, owned=True, adapters=1)
    return replace(group, mixer=mixer, mlp=mlp)


@lru_cache(maxsize=256)
def _read_weights(model: ModelShape, scheme: WeightScheme, formats: Formats) -> tuple[tuple[str, Fraction, int], ...]:
    """Triples of (part, share that one token passes, bytes); tables that are only looked up are left out."""
    tensors = stored(model, scheme, "text")
    tied = not any(tensor.part == "head" and not tensor.is_vector for _, tensor, _ in tensors)
    found: dict[tuple[str, Fraction], int] = {}
    for layers, tensor, name in tensors:
        if tensor.part == "embedding" and not (tied and tensor.rows >= model.vocab_size and _is_head(model, tensor)):
            continue
        factors = [plane.factors(tensor.rows, tensor.columns, name) for plane in formats[name].planes]
        one: Any = sum(product([factor.value for factor in plane]) for plane in factors)
        key = ("head" if tensor.part == "embedding" else tensor.part, tensor.active)
        found[key] = found.get(key, 0) + layers * tensor.copies * one
    return tuple((part, active, size) for (part, active), size in found.items())


def _is_head(model: ModelShape, tensor: Tensor) -> bool:
    return tensor.columns == model.hidden_size and tensor.role.startswith(("embed_tokens", "token_embd"))
