"""One training step of a model: forward, loss and backward, as operations on storages."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..amount import Factor
from ..blocks.attention import Attention
from ..blocks.delta_net import GatedDeltaNet
from ..blocks.latent_attention import LatentAttention
from ..blocks.mamba2 import Mamba2
from ..blocks.mlp import DenseBesideExperts, DenseMlp, MixtureOfExperts
from ..blocks.parallel import AttentionAndMamba2
from ..blocks.short_conv import ShortConvolution
from ..engines.transformers.live import FLOAT32, INT64, width
from ..model_shape import LayerGroup
from ..tensors import Mixer
from .attention import attend
from .batch import Batch
from .beside import dense_beside_experts
from .delta_net import delta_rule
from .experts import mixture
from .feed_forward import dense
from .fused_heads import attend_to_broadcast_heads, attend_with_biases
from .kernels import add, cast, gradient_of, pointwise, scale
from .latent_attention import attend_latent
from .mamba2 import state_space
from .matrices import linear
from .norms import layer_norm, rms_norm
from .own_inputs import add_own_input, own_input, own_inputs
from .shared import mask, tables
from .short_conv import convolve
from .tape import Storage, Tape, Value


def training_step(batch: Batch) -> Tape:
    """All operations of a forward and a backward pass with the loss of the next token."""
    tape = Tape()
    batch = replace(batch, tables=tables(batch))
    masks = {_window(group): _mask(batch, group) for group in batch.model.layers}
    hidden = width("hidden size", batch.model.hidden_size)
    named = [Value(one, learns=False) for found in masks.values() for one in found]
    tape.run("masks and tables", *batch.tables, *(one.storage for one in named))
    stream = embedded = _embedding(tape, batch, hidden)
    inputs = own_inputs(tape, batch, embedded) if batch.own_inputs else None
    previous: tuple[Value, ...] = ()
    layers = {layer: group for group in batch.model.layers for layer in group.layers}
    storing = _storing(layers)
    for layer in sorted(layers):
        group = layers[layer]
        own = None if inputs is None else own_input(tape, batch, inputs)
        run = partial(_layer, tape, replace(batch, stores=layer in storing), group, own)
        with tape.naming(embedded, stream, *named, *previous):  # names of the model's forward
            if batch.checkpointing:
                given = () if own is None else (own.storage,)
                stream = tape.checkpoint(run, stream, (*batch.tables, *masks[_window(group)], *given))
            else:
                stream = run(stream)
        previous = (tape.weights,) if tape.weights and batch.code.holds_previous_weights else ()
        tape.weights = None
    _loss(tape, batch, _norm(tape, batch, stream, "norm"))
    if tape.waiting:
        first = tape.waiting[0]
        total = Storage("gradient of embed_tokens", first.dimensions, first.size, is_gradient=True)
        tape.run("sum of both gradients of the tied embedding", *tape.waiting, total)
    return tape


def _storing(layers: dict[int, LayerGroup]) -> set[int]:
    """The last layer of each kind with keys and values of its own, where later ones have none: Gemma4TextAttention."""
    mixers = {layer: group.mixer for layer, group in layers.items() if isinstance(group.mixer, Attention)}
    if not any(mixer.shares_kv for mixer in mixers.values()):
        return set()
    return set({mixer.window: layer for layer, mixer in sorted(mixers.items()) if not mixer.shares_kv}.values())


def _window(group: LayerGroup) -> int | None:
    """The window of a layer; 0 where it does not attend."""
    mixer = group.mixer.attention if isinstance(group.mixer, AttentionAndMamba2) else group.mixer
    if isinstance(mixer, Attention):
        return mixer.window
    return None if isinstance(mixer, LatentAttention) else 0


def _mask(batch: Batch, group: LayerGroup) -> tuple[Storage, ...]:
    return () if _window(group) == 0 else mask(batch, _window(group))


def _embedding(tape: Tape, batch: Batch, hidden: Factor) -> Value:
    method, code = batch.method, batch.code
    rows = width("vocabulary", batch.model.vocab_size)
    output = Storage("token embedding", (*batch.rows, hidden), method.value)

    def backward(gradient: Storage) -> None:
        if method.learns:
            found = Storage("gradient of embed_tokens", (rows, hidden), method.value, is_gradient=not batch.tied)
            tape.run("embedding", gradient, found)
            if batch.tied:
                tape.waiting.append(found)

    # peft makes the embedding's output learn, so that checkpointed layers have a gradient to compute
    own = method.learns or batch.checkpointing
    leaf = (output,) if own and not method.learns and code.scales_given_embedding else ()
    stream = tape.record("embedding", output, (), leaf, backward, own=own)
    if code.embeddings == 2:
        stream = _positions(tape, batch, hidden, stream)
    if any(tensor.role == "word_embeddings_layernorm" for tensor in batch.model.embeddings):
        stream = layer_norm(tape, stream, "word_embeddings_layernorm", method.learns)
    if "embedding" in batch.code.multiplies:
        stream = scale(tape, stream, "scaled embedding")
    return stream


def _positions(tape: Tape, batch: Batch, hidden: Factor, stream: Value) -> Value:
    """Learned positions are one sequence long; their gradient is that of a table."""
    table = next(tensor for tensor in batch.model.embeddings if tensor.role != "embed_tokens")

    def backward(gradient: Storage) -> None:
        if batch.method.learns:
            summed = Storage("gradient of the positions", (batch.tokens, hidden), batch.method.value)
            size = (width("positions", table.rows), hidden)
            found = Storage(f"gradient of {table.role}", size, batch.method.value, is_gradient=True)
            tape.run("embedding", gradient, summed)
            tape.run("embedding", gradient, summed, found)
        tape.give(stream, gradient)

    output = Storage("embedding", stream.dimensions, stream.size)
    return tape.record("embedding", output, (stream,), (), backward, own=batch.method.learns)


def _norm(tape: Tape, batch: Batch, value: Value, role: str) -> Value:
    if batch.code.norm == "layer":
        return layer_norm(tape, value, role, batch.method.learns)
    return rms_norm(tape, value, role, batch.code.norm, batch.method.learns)


def _layer(tape: Tape, batch: Batch, group: LayerGroup, own: Value | None, value: Value) -> Value:
    """A layer; `own`: its own values of the input."""
    code = batch.code
    before, after = code.order in ("pre", "sandwich", "parallel"), code.order in ("post", "sandwich")

    def around(block: str, source: Value) -> Value:
        with tape.naming(source):
            first = _norm(tape, batch, source, f"norm before {block}") if before else source
            with tape.naming(*((first,) if code.holds_normed_input else ())):
                found = _block(tape, batch, group, block, first, source)
            found = _norm(tape, batch, found, f"norm after {block}") if after else found
            scaled = "residual" in code.multiplies or (block == "MLP" and "MLP" in code.multiplies)
            return scale(tape, found, "scaled output") if scaled else found

    if code.order == "parallel":
        inputs = (value, value)
        if len([tensor for tensor in group.around if not tensor.role.endswith(".bias")]) == 1:
            before, inputs = False, (_norm(tape, batch, value, "norm before both halves"),) * 2
        elif code.both_norms_first:
            before = False
            first = _norm(tape, batch, value, "norm before attention")
            with tape.naming(value, first):
                inputs = (first, _norm(tape, batch, value, "norm before MLP"))
        with tape.naming(value, *inputs):
            attended = around("attention", inputs[0])
            with tape.naming(attended):
                fed = around("MLP", inputs[1])
        return add(tape, add(tape, fed, attended, "sum of both halves"), value, "residual")
    held: tuple[Value, ...] = ()
    for block, there in (("attention", group.mixer), ("MLP", group.mlp)):
        if there is not None:
            with tape.naming(*held):
                found = around(block, value)
                value = add(tape, value, found, f"residual after {block}")
            held = (found,) if code.holds_attention_output else ()
    return value if own is None else add_own_input(tape, batch, value, own)


def _block(tape: Tape, batch: Batch, group: LayerGroup, block: str, value: Value, source: Value) -> Value:
    """One half of a layer: its output from the normed input; `source` is what was normed."""
    if block == "attention":
        return _mixed(tape, batch, group.mixer, value)
    mlp = group.mlp
    if isinstance(mlp, DenseBesideExperts):
        return dense_beside_experts(tape, batch, mlp, value, source)
    assert isinstance(mlp, (DenseMlp, MixtureOfExperts))
    return dense(tape, batch, mlp, value) if isinstance(mlp, DenseMlp) else mixture(tape, batch, mlp, value)


def _mixed(tape: Tape, batch: Batch, mixer: Mixer | None, value: Value) -> Value:
    """What tokens give each other."""
    if isinstance(mixer, ShortConvolution):
        return convolve(tape, batch, mixer, value)
    if isinstance(mixer, GatedDeltaNet):
        return delta_rule(tape, batch, mixer, value)
    if isinstance(mixer, Mamba2):
        return state_space(tape, batch, mixer, value)
    if isinstance(mixer, LatentAttention):
        return attend_latent(tape, batch, mixer, value)
    if isinstance(mixer, AttentionAndMamba2):
        return _side_by_side(tape, batch, mixer, value)
    assert isinstance(mixer, Attention)
    if batch.code.scores == "alibi":
        return attend_with_biases(tape, batch, mixer, value)
    if batch.code.unpacks:
        return attend_to_broadcast_heads(tape, batch, mixer, value)
    return attend(tape, batch, mixer, value)


def _side_by_side(tape: Tape, batch: Batch, mixer: AttentionAndMamba2, value: Value) -> Value:
    """The state space, then attention, each scaled before and behind it: FalconH1DecoderLayer.forward."""
    with tape.naming(value):
        passed = scale(tape, _mixed(tape, batch, mixer.recurrence, value), "scaled output of the state space")
        with tape.naming(passed):
            found = _mixed(tape, batch, mixer.attention, scale(tape, value, "scaled input of the attention"))
            found = scale(tape, found, "scaled output of the attention")
        return add(tape, passed, found, "sum of both")


def _loss(tape: Tape, batch: Batch, value: Value) -> None:
    """Cross-entropy in float32 over all tokens: loss/loss_utils.py ForCausalLMLoss."""
    vocabulary = width("vocabulary", batch.model.vocab_size)
    logits = linear(tape, batch.method, value, "lm_head", vocabulary, "logits", tied=batch.tied)
    named = logits
    if batch.stated("final_logit_softcapping"):
        logits = scale(tape, logits, "logits over the cap")
        logits = pointwise(tape, logits, "tanh of the logits", keeps="output", name="tanh")
        named = logits = scale(tape, logits, "capped logits")
    elif "logits" in batch.code.multiplies:
        named = logits = scale(tape, logits, "scaled logits")
    wide = cast(tape, logits, FLOAT32, "logits in float32")
    labels = Storage("shifted labels", batch.rows, INT64)
    chances = Storage("log-probabilities", wide.dimensions, FLOAT32)

    def backward(gradient: Storage) -> None:
        back = gradient_of(wide)
        tape.run("gradient of the log-probabilities", gradient, back, chances)
        tape.give(wide, back)

    scores = tape.record("log-softmax", chances, (wide,), (labels, chances), backward)
    tape.run("loss", named.storage, wide.storage, chances, labels)
    upstream = Storage("gradient of the log-probabilities", wide.dimensions, FLOAT32)
    tape.run("gradient of the loss", chances, labels, upstream)
    tape.backward(scores, upstream)
