"""What lives for a whole forward pass: rotation tables, masks, and the cache as far as it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...amount import Factor, Lever, Number, Term
from ...blocks.attention import Attention
from ...blocks.latent_attention import LatentAttention
from ...blocks.sparse_attention import BlockSparseAttention
from ...model_shape import LayerGroup
from ...units import larger, where
from .biased_scores import biases_of_all_positions
from .cache_update import keys_beside_the_cache
from .live import BOOL, FLOAT32, INT64, Forward, Held, attention_of, times, width, window_of
from .modeling_code import ModelingCode
from .written import counters, later_chunks


def kept(forward: Forward) -> Held:
    """What lives for the whole pass: rotation tables and masks."""
    code, groups = forward.code, forward.deployment.model.layers
    terms: list[Term] = []
    if not code.rope_tables_in_layers:
        terms.extend(rotation_tables(forward))
    terms.extend(per_layer_inputs(forward))
    if code.position_mask and (forward.cache != "static" or (forward.is_prefill and not forward.is_eager)):
        terms.append(Term("position mask in float32", (forward.sequences, forward.keys(None), FLOAT32)))
    if code.scores == "biased":
        terms.extend(biases_of_all_positions(forward, _heads(groups)))
    if code.scores == "alibi":
        heads = width("query heads", _heads(groups))
        terms.append(Term("linear biases", (forward.sequences, heads, forward.keys(None), forward.value)))
        terms.append(Term("slopes of the biases", (heads, FLOAT32)))
    if code.scores == "biased masks":
        heads = width("query heads", _heads(groups))
        terms.append(Term("linear biases", (forward.sequences, heads, forward.keys(None), forward.value)))
        terms.append(Term("which tokens are no padding", (forward.sequences, forward.keys(None), INT64)))
    return (
        *terms,
        *masks(forward),
        *more_positions(forward),
        *counters(forward),
        *logits_before(forward),
        *later_chunks(forward),
    )


def more_positions(forward: Forward) -> Held:
    """What an embedding that is computed grows by behind the positions that the config states (xglm)."""
    if forward.code.buffer != "embedding":
        return ()
    stated = forward.deployment.model.max_position_embeddings
    more = Factor("positions", larger(forward.context, stated) - stated, Lever.WORKLOAD, f"beyond {stated:,}")
    return (Term("embedding of more positions", (more, forward.hidden, forward.value)),)


def shared_keys(forward: Forward) -> Held:
    """Keys and values that later layers read again, where the cache does not hold them (Gemma 3n)."""
    terms: list[Term] = []
    for group in forward.deployment.model.layers:
        mixer = group.mixer
        if isinstance(mixer, Attention) and not mixer.cache():
            kept = Factor("needed", keys_beside_the_cache(forward, mixer), Lever.ENGINE, "not read from the cache")
            row = width("key and value width", mixer.num_key_value_heads * (mixer.head_dim + mixer.v_head_dim))
            terms.append(forward.per_token("keys and values shared with later layers", row, kept))
    return tuple(terms)


def stream_value(forward: Forward) -> Factor:
    """Bytes of a value of the residual stream."""
    return FLOAT32 if forward.code.float32_stream and forward.stated("residual_in_fp32", 1) else forward.value


def logits_before(forward: Forward) -> Held:
    """The logits of the chunk before, which `generate()` holds until the next ones are there."""
    if forward.deployment.options.step_tokens is None or not forward.sorts_experts:
        return ()
    there = Factor("needed", where(forward.past > 0, 1, 0), Lever.ENGINE, "behind the first chunk")
    vocabulary = width("vocabulary", forward.deployment.model.vocab_size)
    size = FLOAT32 if forward.code.float32_logits else forward.value
    read = forward.deployment.options.step_tokens if forward.code.all_logits else 1
    tokens = Factor("tokens", read, Lever.WORKLOAD, "of the chunk" if forward.code.all_logits else "the last")
    return (Term("logits of the chunk before", (forward.sequences, tokens, vocabulary, there, size)),)


def rotation_tables(forward: Forward) -> Held:
    """cos and sin of every position, for each kind of layer where the modeling code tells kinds apart."""
    code, groups = forward.code, forward.deployment.model.layers
    widths: dict[int | None, int] = {}
    for group in groups:
        if attention_of(group):
            rotated = _rotary_width(group, code)
            widths[window_of(group)] = max(widths.get(window_of(group), 0), rotated)
    if code.rope == "none" or not any(widths.values()):
        return ()
    values = sum(widths.values()) if code.rope_tables_by_kind else max(widths.values())
    if code.rope_tables_by_theta:
        values = max(widths.values()) * _bases(forward)
    shared = width("rotated values", int(values * code.rope_table_share))
    if code.rope_tables_of_one:
        both = (shared, *times(2, "cos, sin"), forward.table_value)
        return Term("cos and sin tables", (*forward.queries, *both)), Term("positions", (*forward.queries, INT64))
    return (forward.per_token("cos and sin tables", shared, count=2, note="cos, sin", size=forward.table_value),)


def _bases(forward: Forward) -> int:
    """Different bases of the rotation that layers have, where the config names one for each."""
    named = forward.deployment.model.text_config.get("layer_rope_theta")
    return len({base for base in named if base}) if isinstance(named, list) else 1


def per_layer_inputs(forward: Forward) -> Held:
    """What each layer adds of its own to the stream (Gemma 3n)."""
    default = forward.code.per_layer_inputs
    values = forward.stated("hidden_size_per_layer_input", default) if default else 0
    if not values:
        return ()
    layers = width("layers", forward.deployment.model.num_hidden_layers)
    return (forward.per_token("inputs of every layer", layers, width("values", values)),)


def masks(forward: Forward) -> Iterator[Term]:
    """The masks of the kinds of layer that are built, where the kernel needs them."""
    if forward.code.token_mask:
        yield forward.per_token("which tokens are no padding", size=BOOL)
        return
    groups = forward.deployment.model.layers
    if forward.code.scores == "biased masks":
        rows = (forward.sequences, *forward.queries, width("query heads", _heads(groups)))
        yield Term(
            "mask of each head", (*rows, forward.keys(None), forward.value), "biases are filled in for all pairs"
        )
        return
    present = {window_of(group) for group in groups if attention_of(group) is not None}
    if not present:
        return
    built: dict[str, int | None] = {
        "window" if window else "full": window for window in sorted(present, key=lambda w: w or 0)
    }
    first = window_of(min((g for g in groups if attention_of(g)), key=lambda group: min(group.layers)))
    if made_ahead(forward):  # generate() makes those of the kinds that there are
        if len({isinstance(group.mixer, BlockSparseAttention) for group in groups}) > 1:
            built["picked blocks"] = None
    elif forward.code.masks in ("full", "both"):
        built.setdefault("full", first)  # a kind that no layer has is as long as the first layer's
    if forward.code.masks == "both" and forward.cache != "static":
        built.setdefault("window", first)
    for kind, window in built.items():
        keys = forward.keys(window)
        if forward.code.mask_without_past and not forward.is_prefill:
            keys = Factor("new tokens", 1, Lever.ENGINE)
        if forward.is_eager:
            size = BOOL if forward.code.bool_masks else forward.value
            yield Term(f"{kind} attention mask", (*forward.new, keys, size), "masking_utils.py eager_mask")
            continue
        needed = mask_needed(forward, kind, window)
        rows = forward.new if _copied_for_all(forward, kind) else forward.queries
        yield Term(
            f"{kind} mask", (*rows, keys, Factor("needed", needed, Lever.ENGINE), BOOL), "masking_utils.py sdpa_mask"
        )


def made_ahead(forward: Forward) -> bool:
    """Whether `generate()` makes the masks before it calls the model: for a StaticCache, of the kinds that layers have."""
    itself = forward.code.masks_itself
    return forward.cache == "static" and itself != "always" and not (itself == "prefill" and forward.is_prefill)


def _copied_for_all(forward: Forward, kind: str) -> bool:
    """Whether a mask has a matrix for each sequence: those that `generate()` makes for a StaticCache do."""
    if (kind == "window" and forward.code.chunked) or forward.code.mask_by_sequence:
        return True
    return made_ahead(forward)


def mask_needed(forward: Forward, kind: str, window: int | None) -> Number:
    """1 where sdpa gets a mask: it can do without for a single token, or where all tokens are new and in the window."""
    if kind == "full" and forward.code.mask_always:
        return 1
    passed: Any = (forward.cache == "static") & (forward.call.new == 1)
    if kind == "window" and (window is not None or forward.code.window_of_zero):
        passed = passed | (forward.keys(window).value >= (window or 0))
    elif kind == "window" and forward.code.stated_window:
        passed = passed | (forward.keys(None).value >= forward.stated("sliding_window", forward.code.stated_window))
    return where(passed | forward.behind_others, 1, 0)  # type: ignore[no-any-return]


def _heads(groups: tuple[LayerGroup, ...]) -> int:
    return max((mixer.num_attention_heads for group in groups if (mixer := attention_of(group))), default=0)


def _rotary_width(group: LayerGroup, code: ModelingCode) -> int:
    mixer = attention_of(group)
    if isinstance(mixer, LatentAttention):
        return mixer.qk_rope_head_dim
    if isinstance(mixer, Attention):
        return code.rotated_values(mixer)
    return 0
