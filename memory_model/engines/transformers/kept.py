"""What lives for a whole forward pass: rotation tables, masks, and the cache as far as it is written."""

from __future__ import annotations

from collections.abc import Iterator

from ...amount import Factor, Lever, Number, Term
from ...blocks.attention import Attention
from ...blocks.latent_attention import LatentAttention
from ...model_shape import LayerGroup
from ...tensors import Mixer
from ...units import smaller, where
from .live import BOOL, FLOAT32, NOT_YET, Forward, Held, attention_of, width, window_of


def kept(forward: Forward) -> Held:
    """What lives for the whole pass: rotation tables and masks."""
    code, groups = forward.code, forward.deployment.model.layers
    terms: list[Term] = []
    if not code.rope_tables_in_layers:
        terms.extend(rotation_tables(forward))
    terms.extend(per_layer_inputs(forward))
    if code.position_mask:
        terms.append(Term("position mask in float32", (forward.sequences, forward.keys(None), FLOAT32)))
    if code.alibi:
        heads = width("query heads", _heads(groups))
        terms.append(Term("linear biases", (forward.sequences, heads, forward.keys(None), forward.value)))
        terms.append(Term("slopes of the biases", (heads, FLOAT32)))
    return (*terms, *_masks(forward), *window_tensors(forward, sum(len(g.layers) for g in groups if slides(g))))


def slides(group: LayerGroup) -> bool:
    """Whether the layers of a group keep a window of keys of their own."""
    return window_of(group) is not None and group.mixer is not None and bool(group.mixer.cache())


def rotation_tables(forward: Forward) -> Held:
    """cos and sin of every position, for each kind of layer where the modeling code tells kinds apart."""
    code, groups = forward.code, forward.deployment.model.layers
    widths = {
        window_of(group): _rotary_width(group, whole=code.rope_tables_whole) for group in groups if attention_of(group)
    }
    if code.rope == "none" or not any(widths.values()):
        return ()
    values = sum(widths.values()) if code.rope_tables_by_kind else next(iter(widths.values()))
    shared = width("rotated values", int(values * code.rope_table_share))
    return (forward.per_token("cos and sin tables", shared, count=2, note="cos, sin", size=forward.table_value),)


def per_layer_inputs(forward: Forward) -> Held:
    """What each layer adds of its own to the stream (Gemma 3n)."""
    default = forward.code.per_layer_inputs
    values = forward.stated("hidden_size_per_layer_input", default) if default else 0
    if not values:
        return ()
    layers = width("layers", forward.deployment.model.num_hidden_layers)
    return (forward.per_token("inputs of every layer", layers, width("values", values)),)


def _masks(forward: Forward) -> Iterator[Term]:
    groups = forward.deployment.model.layers
    present = {window_of(group) for group in groups if attention_of(group) is not None}
    if not present:
        return
    built: dict[str, int | None] = {
        "window" if window else "full": window for window in sorted(present, key=lambda w: w or 0)
    }
    first = window_of(min((g for g in groups if attention_of(g)), key=lambda group: min(group.layers)))
    if forward.code.masks in ("full", "both"):
        built.setdefault("full", first)  # a kind that no layer has is as long as the first layer's
    if forward.code.masks == "both":
        built.setdefault("window", first)
    for kind, window in built.items():
        keys = forward.keys(window)
        if forward.code.mask_without_past and not forward.is_prefill:
            keys = Factor("new tokens", 1, Lever.ENGINE)
        if forward.is_eager:
            yield Term(f"{kind} attention mask", (*forward.new, keys, forward.value), "masking_utils.py eager_mask")
        elif kind == "full" and forward.code.mask_always:
            yield Term("full mask", (*forward.queries, keys, BOOL), "masking_utils.py sdpa_mask")
        elif kind == "window" and (window is not None or forward.code.window_of_zero):
            needed = Factor(
                "needed", where(keys.value >= (window or 0), 1, 0), Lever.ENGINE, "once the window is passed"
            )
            rows = forward.new if forward.code.chunked else forward.queries
            yield Term("window mask", (*rows, keys, needed, BOOL), "masking_utils.py sdpa_mask")


def window_tensors(forward: Forward, layers: int) -> Held:
    """A number that every window layer keeps on the device."""
    if not layers:
        return ()
    size = Factor("bytes", 8, Lever.ENGINE)
    return (Term("window tensors", (width("window layers", layers), size), "cache_utils.py DynamicSlidingWindowLayer"),)


def later_layers(forward: Forward, position: int) -> Held:
    """Less what the layers behind the one at `position` have not added to the cache yet."""
    terms: list[Term] = []
    for other in forward.deployment.model.layers:
        behind = sum(1 for layer in other.layers if layer > position)
        if behind:
            terms.extend(growth(forward, other.mixer, behind, "cache of later layers, not written yet"))
            if forward.is_prefill and slides(other):
                terms.append(
                    Term("window tensors of later layers", (*window_tensors(forward, behind)[0].factors, NOT_YET))
                )
    return tuple(terms)


def growth(forward: Forward, mixer: Mixer | None, layers: int, label: str, *, only: str = "") -> Held:
    """What this pass adds to the cache of so many layers, as a negative amount; of one entry where `only` names it."""
    if mixer is None:
        return ()
    terms = []
    for entry in mixer.cache():
        if (only and entry.label != only) or not (entry.grows or forward.is_prefill):
            continue
        number_format = forward.deployment.format_of(entry)
        heads = entry.repeated_heads or entry.heads
        row = number_format.row_factors(width("KV heads", heads), width("head size", entry.width))
        rows = _tokens_added(forward, entry.window) if entry.every == 1 else _rows_added(forward, entry.every)
        added = (Factor("tokens added", rows, Lever.WORKLOAD),) if entry.grows else ()
        terms.append(Term(label, (forward.sequences, *added, width("layers", layers), *row, NOT_YET)))
    return tuple(terms)


def _rows_added(forward: Forward, every: int) -> Number:
    before = 0 if forward.is_prefill else (forward.context - 1) // every
    return forward.context // every - before


def _tokens_added(forward: Forward, window: int | None) -> Number:
    if forward.is_prefill:
        return forward.context
    if window is None:
        return 1
    return smaller(forward.context, window) - smaller(forward.context - 1, window)  # type: ignore[no-any-return]


def _heads(groups: tuple[LayerGroup, ...]) -> int:
    return max((mixer.num_attention_heads for group in groups if (mixer := attention_of(group))), default=0)


def _rotary_width(group: LayerGroup, *, whole: bool) -> int:
    mixer = attention_of(group)
    if isinstance(mixer, LatentAttention):
        return mixer.qk_rope_head_dim
    if isinstance(mixer, Attention):
        return mixer.head_dim if whole else mixer.rotary_dim
    return 0
