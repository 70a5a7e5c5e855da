"""How much of the cache is written at a moment of a pass, against what there is at the end of the phase."""

from __future__ import annotations

from ...amount import Factor, Lever, Number, Term
from ...blocks.attention import Attention
from ...blocks.sparse_attention import BlockSparseAttention, IndexedLatentAttention
from ...tensors import CacheEntry, Mixer
from ...units import smaller, where
from .live import FLOAT32, NOT_YET, Forward, Held, softmax_attention, times, width
from .passes import held_in_phase
from .quantized import residual, stored


def counters(forward: Forward) -> Held:
    """A number that every window layer of a DynamicCache, and every layer of a StaticCache, keeps on the device."""
    terms = []
    for group in forward.deployment.model.layers:
        if group.mixer is not None and (numbers := _counters_of(forward, group.mixer)):
            layers = width("layers", len(group.layers))
            terms.append(
                Term("counters of the cache", (layers, *numbers), "cache_utils.py StaticLayer, Dynamic...Layer")
            )
    return tuple(terms)


def later_layers(forward: Forward, position: int) -> Held:
    """Less what the layers behind the one at `position` have not added to the cache yet."""
    terms: list[Term] = []
    for other in forward.deployment.model.layers:
        behind = sum(1 for layer in other.layers if layer > position)
        if behind:
            terms.extend(growth(forward, other.mixer, behind, "cache of later layers, not written yet"))
    return tuple(terms)


def later_chunks(forward: Forward) -> Held:
    """Less what later chunks of the prefill will add to the cache of all layers."""
    workload, options = forward.deployment.workload, forward.deployment.options
    if options.step_tokens is None or not forward.sorts_experts or forward.cache != "dynamic":
        return ()
    terms = []
    for group in forward.deployment.model.layers:
        for entry in group.mixer.cache() if group.mixer is not None else ():
            if entry.grows and entry.every == 1:
                rest = held_in_phase(workload, options, entry.window) - forward.held_after(entry.window)
                terms.append(_of_entry(forward, entry, rest, len(group.layers), "cache of later chunks"))
    return tuple(terms)


def growth(forward: Forward, mixer: Mixer | None, layers: int, label: str, *, only: str = "") -> Held:
    """What this pass adds to the cache of so many layers, as a negative amount; of one entry where `only` names it."""
    if mixer is None or forward.cache == "none":
        return ()
    terms = []
    for entry in mixer.cache():
        if (only and entry.label != only) or not (entry.grows or forward.is_prefill):
            continue
        if not entry.grows:
            rows: Number = forward.first.value  # type: ignore[assignment]
        else:
            rows = _tokens_added(forward, entry.window) if entry.every == 1 else _rows_added(forward, entry.every)
        terms.append(_of_entry(forward, entry, rows, layers, label))
        if forward.cache == "quantized":
            values = width("values of a token", (entry.repeated_heads or entry.heads) * entry.width)
            waiting = Factor("tokens in 16 bits", residual(forward), Lever.ENGINE)
            freed = (forward.sequences, waiting, width("layers", layers), values, forward.value)
            terms.append(Term(f"tokens in 16 bits, {label}", freed))
    if forward.is_prefill and not only and (numbers := _counters_of(forward, mixer)):
        amount = (width("layers", layers), *numbers, forward.first, NOT_YET)
        terms.append(Term(f"counters, {label}", amount))
    return tuple(terms)


def _counters_of(forward: Forward, mixer: Mixer) -> tuple[Factor, ...]:
    attention = softmax_attention(mixer)
    if attention is None or not mixer.cache():
        return ()
    window = attention.window if isinstance(attention, Attention) else None
    static = forward.cache == "static"
    if forward.cache == "quantized" and stored(forward).name == "fp8":
        return (Factor("scales", 2, Lever.ENGINE, "keys, values"), FLOAT32)
    if not static and (forward.cache != "dynamic" or window is None):
        return ()
    indexed = static and isinstance(attention, (BlockSparseAttention, IndexedLatentAttention))
    return (*times(2 if indexed else 1, "of keys, of the indexer"), Factor("bytes", 8, Lever.ENGINE, "int64"))


def _of_entry(forward: Forward, entry: CacheEntry, tokens: Number, layers: int, label: str) -> Term:
    number_format = forward.deployment.format_of(entry)
    heads = entry.repeated_heads or entry.heads
    row = number_format.row_factors(width("KV heads", heads), width("head size", entry.width))
    added = Factor("tokens added" if entry.grows else "first pass", tokens, Lever.WORKLOAD)
    return Term(label, (forward.sequences, added, width("layers", layers), *row, NOT_YET))


def _rows_added(forward: Forward, every: int) -> Number:
    return forward.context // every - forward.past // every


def _tokens_added(forward: Forward, window: int | None) -> Number:
    if forward.cache == "static":  # allocated whole by the first pass
        context = forward.deployment.workload.context_length
        whole = context if window is None else smaller(context, window)
        return where(forward.past > 0, 0, whole)  # type: ignore[no-any-return]
    return forward.held_after(window) - forward.held_before(window) + residual(forward)
