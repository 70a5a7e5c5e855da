"""All moments of a forward pass: what is kept throughout, and the last layer of each kind, where the cache is fullest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...amount import Factor, Lever, Moment, Number, Term
from ...blocks.attention import Attention
from ...blocks.latent_attention import LatentAttention
from ...blocks.mlp import DenseMlp, MixtureOfExperts
from ...model_shape import LayerGroup
from ...units import smaller, where
from .attention import attention_moments
from .eager import attention_weights
from .feed_forward import dense_moments, expert_moments, norm_moments
from .latent_attention import latent_moments
from .live import BOOL, FLOAT32, NOT_YET, Forward, Held, width, window_of


def forward_moments(forward: Forward) -> tuple[Moment, ...]:
    """Every moment of one forward pass, in bytes above weights and the cache that exists after it."""
    groups = forward.deployment.model.layers
    several = len(groups) > 1
    found = [_logits(forward)]
    for group in groups:
        for moment in _layer_moments(forward, group):
            name = f"{moment.name}, {_kind(group)}" if several else moment.name
            found.append(Moment(name, moment.terms, moment.source))
    return tuple(found)


def _layer_moments(forward: Forward, group: LayerGroup) -> Iterator[Moment]:
    code, mixer, mlp = forward.code, group.mixer, group.mlp
    kept = (*_kept(forward), *_later_layers(forward, group))
    embeddings = tuple(forward.stream(label) for label in ("token embedding", "position embedding")[: code.embeddings])
    is_first = max(group.layers) == 0 and code.embeddings == 1
    entering = (*kept, *embeddings, *(() if is_first else (forward.stream("layer input"),)))
    normed = forward.stream("normed input")
    weights: Held = ()
    if isinstance(mixer, (Attention, LatentAttention)) and forward.is_eager:
        weights = (attention_weights(forward, mixer),)
    previous: Held = ()
    if weights and code.holds_previous_weights and max(group.layers):
        previous = (replace(weights[0], label="attention weights of the layer before"),)
    entering = (*entering, *previous)
    second_norm = (forward.stream("normed input of the MLP"),) if code.both_norms_first and _norms(group) > 1 else ()
    around = entering if code.order == "post" else (*entering, normed, *second_norm)
    unwritten = _growth(forward, group, 1, "cache of this layer, not written yet")
    if isinstance(mixer, (Attention, LatentAttention)):
        moments = attention_moments if isinstance(mixer, Attention) else latent_moments
        yield from moments(forward, mixer, around, unwritten)  # type: ignore[arg-type]
    parallel = code.order == "parallel" or (code.one_norm_is_parallel and _norms(group) == 1)
    second = "attention output" if parallel else "residual after attention"
    if code.norm == "centred":
        yield _centred_norm(forward, (*entering, *unwritten))
    entering_mlp = (*entering, forward.stream(second), *weights)
    yield from norm_moments(forward, entering_mlp)
    holding = (
        *entering_mlp,
        *((normed,) if code.order != "post" and code.holds_normed_input else ()),
        *second_norm,
        *((forward.stream("attention output"),) if code.holds_attention_output and not parallel else ()),
        *((forward.stream("normed input of the attention"),) if code.holds_attention_input and not parallel else ()),
    )
    if isinstance(mlp, DenseMlp):
        yield from dense_moments(forward, mlp, holding)
    elif isinstance(mlp, MixtureOfExperts):
        yield from expert_moments(forward, mlp, holding)


def _norms(group: LayerGroup) -> int:
    return sum(1 for tensor in group.norms if not tensor.role.endswith(".bias"))


def _centred_norm(forward: Forward, held: Held) -> Moment:
    """A LayerNorm written out: input, input less its mean, and their scaled product in float32."""
    copies = forward.per_token(
        "stream in float32", forward.hidden, count=3, note="input, less its mean, product", size=FLOAT32
    )
    means = forward.per_token("mean and inverse root", count=3, note="mean, mean square, root", size=FLOAT32)
    return Moment("norm before the layer", (*held, copies, means))


def _kept(forward: Forward) -> Held:
    """What lives for the whole pass: rotation tables and masks."""
    code, groups = forward.code, forward.deployment.model.layers
    terms: list[Term] = []
    rotary = _rotary_width(groups)
    if code.rope != "none" and rotary:
        kinds = len({window_of(group) for group in groups}) if code.rope_tables_by_kind else 1
        values = width("rotated values", int(rotary * code.rope_table_share))
        terms.append(
            forward.per_token("cos and sin tables", values, count=2 * kinds, note="cos, sin", size=forward.table_value)
        )
    if code.position_mask:
        terms.append(Term("position mask in float32", (forward.sequences, forward.keys(None), FLOAT32)))
    if code.alibi:
        heads = width("query heads", _heads(groups))
        terms.append(Term("linear biases", (forward.sequences, heads, forward.keys(None), forward.value)))
        terms.append(Term("slopes of the biases", (heads, FLOAT32)))
    return (*terms, *_masks(forward), *_window_tensors(forward, sum(len(g.layers) for g in groups if window_of(g))))


def _masks(forward: Forward) -> Iterator[Term]:
    groups = forward.deployment.model.layers
    present = {window_of(group) for group in groups if group.mixer is not None}
    built: dict[str, int | None] = {
        "window" if window else "full": window for window in sorted(present, key=lambda w: w or 0)
    }
    first = window_of(min(groups, key=lambda group: min(group.layers)))
    if forward.code.masks in ("full", "both"):
        built.setdefault("full", first)  # a kind that no layer has is as long as the first layer's
    if forward.code.masks == "both":
        built.setdefault("window", first)
    for kind, window in built.items():
        keys = forward.keys(window)
        if forward.is_eager:
            yield Term(f"{kind} attention mask", (*forward.new, keys, forward.value), "masking_utils.py eager_mask")
        elif kind == "full" and forward.code.mask_always:
            yield Term("full mask", (*forward.queries, keys, BOOL), "masking_utils.py sdpa_mask")
        elif kind == "window" and (window is not None or forward.code.window_of_zero):
            needed = Factor(
                "needed", where(keys.value >= (window or 0), 1, 0), Lever.ENGINE, "once the window is passed"
            )
            yield Term("window mask", (*forward.queries, keys, needed, BOOL), "masking_utils.py sdpa_mask")


def _window_tensors(forward: Forward, layers: int) -> Held:
    if not layers:
        return ()
    size = Factor("bytes", 8, Lever.ENGINE)
    return (Term("window tensors", (width("window layers", layers), size), "cache_utils.py DynamicSlidingWindowLayer"),)


def _later_layers(forward: Forward, group: LayerGroup) -> Held:
    """Less what the layers behind this one have not added to the cache yet."""
    terms: list[Term] = []
    for other in forward.deployment.model.layers:
        behind = sum(1 for layer in other.layers if layer > max(group.layers))
        if behind:
            terms.extend(_growth(forward, other, behind, "cache of later layers, not written yet"))
            if forward.is_prefill and window_of(other):
                terms.append(
                    Term("window tensors of later layers", (*_window_tensors(forward, behind)[0].factors, NOT_YET))
                )
    return tuple(terms)


def _growth(forward: Forward, group: LayerGroup, layers: int, label: str) -> Held:
    """What this pass adds to the cache of so many layers of a group, as a negative amount."""
    if group.mixer is None:
        return ()
    terms = []
    for entry in group.mixer.cache():
        if not entry.grows:
            continue
        number_format = forward.deployment.format_of(entry)
        row = number_format.row_factors(
            width("KV heads", entry.repeated_heads or entry.heads), width("head size", entry.width)
        )
        added = (Factor("tokens added", _tokens_added(forward, entry.window), Lever.WORKLOAD),)
        terms.append(Term(label, (forward.sequences, *added, width("layers", layers), *row, NOT_YET)))
    return tuple(terms)


def _tokens_added(forward: Forward, window: int | None) -> Number:
    if forward.is_prefill:
        return forward.context
    if window is None:
        return 1
    return smaller(forward.context, window) - smaller(forward.context - 1, window)  # type: ignore[no-any-return]


def _heads(groups: tuple[LayerGroup, ...]) -> int:
    return max(
        group.mixer.num_attention_heads for group in groups if isinstance(group.mixer, (Attention, LatentAttention))
    )


def _rotary_width(groups: tuple[LayerGroup, ...]) -> int:
    for group in groups:
        if isinstance(group.mixer, Attention):
            return group.mixer.rotary_dim
        if isinstance(group.mixer, LatentAttention):
            return group.mixer.qk_rope_head_dim
    return 0


def _logits(forward: Forward) -> Moment:
    rows = forward.new if forward.deployment.workload.logits == "all" else (forward.sequences,)
    copies = Factor("tensors", forward.code.logit_copies, Lever.ENGINE, "logits, soft-capped logits")
    several = (copies,) if forward.code.logit_copies > 1 else ()
    vocabulary = width("vocabulary", forward.deployment.model.vocab_size)
    groups = forward.deployment.model.layers
    windows = _window_tensors(forward, sum(len(g.layers) for g in groups if window_of(g)))
    logits = Term("logits", (*rows, vocabulary, *several, forward.value), "generate() asks for the last token only")
    return Moment("logits", (forward.stream("final hidden states"), logits, *windows))


def _kind(group: LayerGroup) -> str:
    window = window_of(group)
    experts = " with experts" if isinstance(group.mlp, MixtureOfExperts) else ""
    return (
        (f"window layers{experts}" if window else f"full layers{experts}")
        if window or not experts
        else "layers with experts"
    )
