"""All moments of a forward pass: what is kept throughout, and the last layer of each kind, where the cache is fullest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...amount import Moment, Term
from ...blocks.attention import Attention
from ...blocks.compressed_attention import CompressedAttention
from ...blocks.latent_attention import LatentAttention
from ...blocks.lightning import LightningAttention
from ...blocks.mlp import DenseBesideExperts, DenseMlp, MixtureOfExperts
from ...blocks.parallel import AttentionAndMamba2
from ...blocks.shared_transformer import SharedAttention
from ...blocks.sparse_attention import IndexedLatentAttention
from ...deployment import Deployment
from ...model_shape import LayerGroup
from ...tensors import Mixer, Mlp
from .altup import altup_moments
from .attention import attention_moments
from .compressed import compressed_moments
from .convolved_attention import convolution_moments, router_states_before, scaling_moments
from .eager import attention_weights
from .feed_forward import dense_moments, expert_moments, norm_moments
from .hyper_connections import stream_moments, stream_weights, streams
from .indexer import chosen_tokens
from .kept import kept, made_ahead, rotation_tables, shared_keys, stream_value
from .latent_attention import latent_moments
from .lightning import uncached_state
from .live import FLOAT32, Forward, Held, attention_of, window_of
from .logits import logit_moment
from .modeling_code import ModelingCode
from .passes import ALWAYS, passes
from .recurrent import recurrent_moments
from .shared_transformer import shared_transformer_moments
from .unpacked import is_unpacked, unpacking_moments
from .upcast_scores import gathered_positions
from .written import growth, later_layers


def phase_moments(deployment: Deployment, code: ModelingCode) -> Iterator[Moment]:
    """Every moment of the passes of a phase, in bytes above weights and the cache that exists at its end."""
    for call in passes(deployment):
        for moment in forward_moments(Forward(deployment, code, call)):
            yield moment if call.happens is ALWAYS else replace(moment, happens=moment.happens * call.happens)
    if is_unpacked(deployment):
        yield from unpacking_moments(deployment)


def forward_moments(forward: Forward) -> Iterator[Moment]:
    """Every moment of one forward pass."""
    groups = forward.deployment.model.layers
    several = len(groups) > 1
    yield logit_moment(forward)
    for group in groups:
        kind = f", {_kind(group)}" if several else ""
        for layer in _busiest_layers(forward, group):
            for moment in _layer_moments(forward, group, layer):
                name = f"{moment.name}{kind}"
                yield Moment(name, moment.terms, moment.source, moment.happens)


def _busiest_layers(forward: Forward, group: LayerGroup) -> set[int]:
    """The last layer, where most of the cache is written, and the last that finds another's attention weights alive.

    Where the pass makes the cache smaller, as of a window after a long prompt, the first ones too.
    """
    after = [layer for layer in group.layers if _previous_weights(forward, layer)]
    shrinks = (
        forward.deployment.workload.phase == "first_decode"
        or forward.deployment.options.step_tokens is not None
        or forward.cache == "quantized"
    )
    return {max(group.layers), *after[-1:], *(sorted(group.layers)[:2] if shrinks else ())}


def _previous_weights(forward: Forward, layer: int) -> Held:
    if not (forward.is_eager and forward.code.holds_previous_weights):
        return ()
    for group in forward.deployment.model.layers:
        if layer - 1 in group.layers and (attention := attention_of(group)) is not None:
            return (replace(attention_weights(forward, attention), label="attention weights of the layer before"),)
    return ()


def _layer_moments(forward: Forward, group: LayerGroup, layer: int) -> Iterator[Moment]:
    code, mixer = forward.code, group.mixer
    if isinstance(mixer, CompressedAttention):
        yield from compressed_moments(forward, group, layer, later_layers(forward, layer))
        return
    if code.streams > 1:
        shared = shared_keys(forward) if mixer is not None and not mixer.cache() else ()
        yield from altup_moments(forward, group, (*kept(forward), *later_layers(forward, layer), *shared))
        return
    around = (*kept(forward), *later_layers(forward, layer), *_given(forward, layer))
    around = (*around, *router_states_before(forward, group.mlp))
    if mixer is not None and not mixer.cache():
        around = (*around, *shared_keys(forward))
    if code.holds_chosen:
        around = (*around, chosen_tokens(forward, "tokens chosen by the layer before"))
    if isinstance(mixer, AttentionAndMamba2) and isinstance(mixer.attention, SharedAttention):
        yield from shared_transformer_moments(forward, group, around)
        return
    yield from _both_halves(forward, group, layer, around)


def _both_halves(forward: Forward, group: LayerGroup, layer: int, around: Held) -> Iterator[Moment]:
    """What mixes tokens, then the MLP, with their norms. `around`: what the layer finds alive."""
    code, mixer, weights = forward.code, group.mixer, _held_after_attention(forward, group)
    normed = forward.stream("normed input")
    both_norms = code.both_norms_first and _norms(group) > 1
    second_norm = (forward.stream("normed input of the MLP"),) if both_norms else ()
    post = code.order == "post" and not (code.recurrent_pre_norm and attention_of(group) is None)
    unnormed = post or (code.first_layer_unnormed and layer == 0)
    before = around if unnormed else (*around, normed, *second_norm)
    yield from _mixer_moments(forward, mixer, before)
    parallel = code.order == "parallel" or (code.one_norm_is_parallel and _norms(group) == 1)
    if code.norm == "centred":
        yield _centred_norm(forward, (*around, *_unwritten(forward, mixer)))
    if parallel and code.norm == "rms":
        yield from norm_moments(forward, (*around, *_unwritten(forward, mixer)), behind=False)
    if code.holds_chosen and isinstance(mixer, IndexedLatentAttention):  # others pass on what the layer before chose
        around = (*around, chosen_tokens(forward, "chosen tokens"))
    if mixer is not None and group.mlp is not None:
        second = "attention output" if parallel else "residual after attention"
        size = FLOAT32 if code.float32_residual else forward.value
        around = (*around, forward.per_token(second, *streams(forward), forward.hidden, size=size), *weights)
    if not parallel:
        sandwiched = code.order == "sandwich" and _norms(group) > 2  # hyperclovax may leave those behind out
        gated = any(tensor.role.startswith("post_attention_layernorm.mlp") for tensor in group.around)
        yield from norm_moments(forward, around, behind=post or sandwiched, gated=gated)
    holding = (
        *(term for term in around if not (code.normed_residual and term.label == "residual after attention")),
        *((normed,) if not post and code.holds_normed_input else ()),
        *second_norm,
        *((forward.stream("attention output"),) if code.holds_attention_output and not parallel else ()),
        *(
            (forward.per_token("outputs of attention and state space", forward.hidden, count=2, note="both"),)
            if isinstance(mixer, AttentionAndMamba2)
            else ()
        ),
        *((forward.stream("normed input of the attention"),) if code.holds_attention_input and not parallel else ()),
    )
    yield from _mlp_moments(forward, group.mlp, holding, tuple(term for term in around if term not in weights))
    yield from stream_moments(forward, around)
    yield from scaling_moments(forward, group.mlp, around)


def _mlp_moments(forward: Forward, mlp: Mlp | None, holding: Held, free: Held) -> Iterator[Moment]:
    """The MLP or the experts. `free`: what is held around them once the router took the name of the attention weights."""
    if isinstance(mlp, DenseBesideExperts):
        yield from dense_moments(forward, mlp.dense, holding)
        waiting = forward.per_token("output of the MLP", forward.hidden, count=2, note="as it is, normed")
        yield from expert_moments(forward, mlp.experts, (*free, forward.stream("normed input"), waiting))
    elif isinstance(mlp, DenseMlp):
        yield from dense_moments(forward, mlp, holding)
    elif isinstance(mlp, MixtureOfExperts):
        yield from expert_moments(forward, mlp, holding)


def _given(forward: Forward, layer: int) -> Held:
    """What a layer finds alive: embeddings that the model holds on to, its input, and what the layer before left."""
    code = forward.code
    count = 0 if code.embedding_for_masks and made_ahead(forward) else code.embeddings
    embeddings = tuple(forward.stream(label) for label in ("token embedding", "position embedding")[:count])
    if code.mixes_sequences and forward.cache != "none" and not forward.sorts_experts:
        embeddings = (Term("token embedding", (forward.sequences, forward.hidden, forward.value)),)
    copies = (forward.stream("copy of the token embedding"),) if code.embedding_copied else ()
    normed_first = (
        code.scores == "alibi" or code.keeps_embedding
    )  # so that the layer's input is not the embedding itself
    is_first = layer == 0 and count == 1 and not normed_first
    is_first = is_first and not (code.scales_embedding and forward.stated("mup_enabled"))
    wide = FLOAT32 if code.float32_residual else stream_value(forward)
    layer_input = () if is_first else (forward.per_token("layer input", *streams(forward), forward.hidden, size=wide),)
    return (*embeddings, *copies, *layer_input, *stream_weights(forward), *_previous_weights(forward, layer))


def _held_after_attention(forward: Forward, group: LayerGroup) -> Held:
    """What attention returns beside its output and the layer keeps: its weights, or a state that no cache holds."""
    mixer, attention = group.mixer, attention_of(group)
    if isinstance(mixer, LightningAttention) and forward.cache == "none":
        return uncached_state(forward, mixer)
    if not forward.is_eager or attention is None or forward.code.frees_weights:
        return ()
    return (attention_weights(forward, attention),)


def _unwritten(forward: Forward, mixer: Mixer | None) -> Held:
    return growth(forward, mixer, 1, "cache of this layer, not written yet")


def _mixer_moments(forward: Forward, mixer: Mixer | None, held: Held) -> Iterator[Moment]:
    if isinstance(mixer, Attention):
        tables = rotation_tables(forward) if forward.code.rope_tables_in_layers else ()
        tables = (*tables, *gathered_positions(forward, mixer))
        yield from convolution_moments(forward, mixer, held)
        yield from attention_moments(forward, mixer, (*held, *tables), _unwritten(forward, mixer))
    elif isinstance(mixer, LatentAttention):
        yield from latent_moments(forward, mixer, held, _unwritten(forward, mixer))
    elif isinstance(mixer, AttentionAndMamba2):
        scaled = (forward.stream("scaled input"),) if forward.code.scaled_inputs else ()
        later = _unwritten(forward, mixer.attention)
        state = growth(forward, mixer.recurrence, 1, "state of this layer, not written yet", only="recurrent state")
        yield from recurrent_moments(forward, mixer.recurrence, (*held, *later), state)
        yield from _mixer_moments(
            forward, mixer.attention, (*held, *scaled, forward.stream("output of the state space"))
        )
    elif mixer is not None:
        state = growth(forward, mixer, 1, "state of this layer, not written yet", only="recurrent state")
        cleared = (forward.stream("normed input without padding"),) if forward.code.token_mask else ()
        yield from recurrent_moments(forward, mixer, (*held, *cleared), state)


def _norms(group: LayerGroup) -> int:
    return sum(1 for tensor in group.around if not tensor.role.endswith(".bias"))


def _centred_norm(forward: Forward, held: Held) -> Moment:
    """A LayerNorm written out: input, input less its mean, and their scaled product in float32."""
    copies = forward.per_token(
        "stream in float32", forward.hidden, count=3, note="input, less its mean, product", size=FLOAT32
    )
    means = forward.per_token("mean and inverse root", count=3, note="mean, mean square, root", size=FLOAT32)
    return Moment("norm before the layer", (*held, copies, means))


def _kind(group: LayerGroup) -> str:
    attention = attention_of(group)
    mixed = "mixed" if isinstance(group.mixer, AttentionAndMamba2) else "recurrent"
    kind = mixed if attention is None or mixed == "mixed" else "window" if window_of(group) else "full"
    if isinstance(group.mlp, (MixtureOfExperts, DenseBesideExperts)):
        return f"{'' if kind == 'full' else kind + ' '}layers with experts"
    return f"{kind} layers" if group.mixer is not None else "layers of an MLP"
