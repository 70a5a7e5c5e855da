"""The moment of the output matrix, behind the last layer."""

from __future__ import annotations

from ...amount import Factor, Lever, Moment, Term
from ...units import where
from .kept import logits_before, made_ahead, masks, more_positions, stream_value
from .live import FLOAT32, INT64, Forward, Held, times, width
from .written import counters, later_chunks


def logit_moment(forward: Forward) -> Moment:
    """The logits of the last token, or of all, with what waits beside them."""
    code = forward.code
    rows = forward.new if code.all_logits or forward.deployment.workload.logits == "all" else (forward.sequences,)
    plain = code.caps_if_stated and not forward.stated("final_logit_softcapping")
    several = () if plain else times(code.logit_copies, "logits, scaled or soft-capped logits")
    vocabulary = width("vocabulary", forward.deployment.model.vocab_size)
    held = (*counters(forward), *logits_before(forward), *later_chunks(forward), *more_positions(forward))
    if made_ahead(forward):  # generate() holds the masks
        held = (*held, *masks(forward))
    wide = any(tensor.role == "lm_head" and tensor.pinned == "fp32" for tensor in forward.deployment.model.head)
    size = FLOAT32 if wide else forward.value
    if wide and not forward.is_float32:
        held = (*held, Term("hidden states in float32", (*rows, forward.hidden, FLOAT32)))
    logits = Term("logits", (*rows, vocabulary, *several, size), "generate() asks for the last token only")
    if code.embedding_beside_logits:
        held = (*held, forward.stream("token embedding"))
    copied = code.float32_logits and not forward.is_float32
    upcast = (Term("logits in float32", (*rows, vocabulary, FLOAT32)),) if copied else ()
    scaled = (Term("scaled hidden states", (*rows, forward.hidden, forward.value)),) if code.scales_final else ()
    if code.words_ruled_out:
        held = (*held, Term("numbers of words ruled out", (width("words", code.words_ruled_out), INT64)))
    apart = rows == (forward.sequences,) and not code.scales_final  # which makes a contiguous matrix of them
    biased = _unbiased_logits(forward) if apart else ()
    last = width("hidden size", forward.deployment.model.embeddings[0].columns)  # as wide as the words (OPT 350M)
    final = forward.per_token("final hidden states", last, size=stream_value(forward))
    return Moment("logits", (final, *scaled, logits, *biased, *upcast, *held))


def _unbiased_logits(forward: Forward) -> Held:
    """Of several prompts the last tokens are no contiguous matrix, and a bias of the head is added in a second step."""
    model, call = forward.deployment.model, forward.call
    if not any(tensor.role == "lm_head.bias" for tensor in model.head):
        return ()
    apart = where((call.new > 1) & (forward.deployment.workload.batch_size > 1), 1, 0)
    vocabulary, steps = width("vocabulary", model.vocab_size), Factor("added apart", apart, Lever.ENGINE)
    return (Term("logits without their bias", (forward.sequences, vocabulary, steps, forward.value)),)
