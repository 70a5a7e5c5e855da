"""A conversation turn by turn: what it keeps, where each turn peaks, and when the memory of a device is reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from ..amount import Number
from ..deployment import Deployment
from ..errors import InputError
from ..estimate import COMPONENTS
from ..fit import largest
from ..prefix_sharing import Beginning, Sharing, saved, sharing
from ..scenario import MOST_SEQUENCES, MOST_TOKENS

MOST_TURNS = 200
"""A turn is two steps, each computed on its own."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Tokens of a conversation that so many users hold at the same time, each their own.

    Raises InputError for counts that are out of range.
    """

    system_prompt: int
    turns: tuple[tuple[int, int], ...]
    """Pairs of (tokens of the question, tokens of the answer)."""
    users: int = 1
    shared_prefix: bool = False
    """All users begin with the same system prompt, which is kept once where the engine can."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.turns) <= MOST_TURNS:
            raise InputError(f"turns: {len(self.turns)} is outside 1 to {MOST_TURNS}")
        if not 1 <= self.users <= MOST_SEQUENCES:
            raise InputError(f"users: {self.users} is outside 1 to {MOST_SEQUENCES:,}")
        if self.system_prompt < 0 or any(question < 1 or answer < 1 for question, answer in self.turns):
            raise InputError("turns: a question and an answer have at least one token, a system prompt none or more")
        if self.tokens > MOST_TOKENS:
            raise InputError(f"turns: {self.tokens:,} tokens in all are more than {MOST_TOKENS:,}")

    @property
    def tokens(self) -> int:
        """Tokens of one user's whole conversation."""
        return self.system_prompt + sum(question + answer for question, answer in self.turns)

    @property
    def beginning(self) -> Beginning:
        """What every user's conversation begins with."""
        return Beginning(self.system_prompt, self.users, self.shared_prefix)

    def steps(self) -> Iterator[Step]:
        """Reading each question, and writing each answer; the system prompt is read with the first question."""
        past = 0
        for number, (question, answer) in enumerate(self.turns, start=1):
            read = question if past else self.system_prompt + question
            yield Step(number, "prefill", past, past + read)
            yield Step(number, "decode", past + read, past + read + answer)
            past += read + answer


@dataclass(frozen=True, slots=True)
class Step:
    """A question that is read or an answer that is written, by the tokens of one user's conversation."""

    turn: int
    """From 1."""
    phase: str
    """`prefill` for the question, `decode` for the answer."""
    past: int
    """Tokens before it."""
    context: int
    """Tokens after it."""


@dataclass(frozen=True, slots=True)
class Event:
    """The memory of a step, at its end, in bytes of one device."""

    step: Step
    components: dict[str, int]
    kept_free: int
    """Cache that is allocated for later tokens already."""

    @property
    def total(self) -> int:
        """All components, with what is allocated for later."""
        return sum(self.components.values()) + self.kept_free


@dataclass(frozen=True, slots=True)
class Reached:
    """The first token that does not fit."""

    step: Step
    token: int
    """Of one user's conversation; the whole question where the question does not fit."""
    over: int
    """Bytes that are missing at the end of that step."""


@dataclass(frozen=True, slots=True)
class Course:
    """A conversation on a deployment, from its first question to its last answer."""

    conversation: Conversation
    events: tuple[Event, ...]
    limit: int | None
    """Bytes that the engine lets itself use; None without a device."""
    reached: Reached | None
    sharing: Sharing

    @property
    def peak(self) -> Event:
        """The event that needs the most."""
        return max(self.events, key=lambda event: event.total)


def course(deployment: Deployment, conversation: Conversation, *, pieces: int = 1) -> Course:
    """Every event of a conversation; with `pieces`, an answer is several events of about the same length.

    So is a question, where the engine reads it in steps rather than in one pass.

    The deployment's own context length and batch size are not looked at. Each question is read on top of what the
    cache holds. Raises InputError for what the engine cannot run.
    """
    whole = replace(deployment.workload, context_length=conversation.tokens, batch_size=conversation.users)
    deployment.engine.check_deployment(replace(deployment, workload=whole))
    shared = sharing(deployment, conversation.beginning)
    limit = deployment.engine.memory_limit(deployment) if deployment.device else None
    events, reached = [], None
    for step in conversation.steps():
        for part in (step,) if _at_once(deployment, step) else _parts(step, pieces):
            event = event_of(deployment, conversation, part, shared)
            events.append(event)
            if limit is not None and reached is None and event.total > limit:
                reached = _reached(deployment, conversation, part, shared, limit)
    return Course(conversation, tuple(events), limit, reached, shared)


def event_of(deployment: Deployment, conversation: Conversation, step: Step, shared: Sharing) -> Event:
    """The memory of one step, at its end.

    A static cache of transformers is as long as the conversation; its masks are counted up to the tokens so far.
    """
    engine, options = deployment.engine, deployment.options
    asked = _at(deployment, conversation, step, step.context)
    at_the_end = _at(deployment, conversation, step, max(conversation.tokens, step.context))
    static = options.use_cache and options.cache_implementation == "static"
    fixed = engine.facts.allocates_whole_context
    whole = at_the_end if fixed else asked
    cache = int(engine.kv_cache(asked).bytes) - saved(asked, conversation.beginning, shared)
    all_of_it = int(engine.kv_cache(at_the_end).bytes) - saved(at_the_end, conversation.beginning, shared)
    kept = all_of_it - cache if fixed or static else 0
    found = {
        "weights": int(engine.weights(whole).bytes),
        "kv_cache": cache,
        "activations": int(engine.activations(whole).bytes),
        "overhead": int(engine.overhead(whole).bytes),
    }
    return Event(step, {name: found[name] for name in COMPONENTS}, max(0, kept))


def tokens_left(deployment: Deployment, found: Course) -> int | None:
    """By how many tokens the last answer can grow on the device; 0 where the conversation does not fit already.

    None without a device.
    """
    if found.limit is None:
        return None
    if found.reached:
        return 0
    limit, last = found.limit, found.events[-1].step

    def fits(more: int) -> bool:
        step = replace(last, context=last.context + more)
        return _total(deployment, lengthened(found.conversation, more), step, found.sharing) <= limit

    return largest(fits, MOST_TOKENS - found.conversation.tokens)


def lengthened(conversation: Conversation, tokens: int) -> Conversation:
    """The same conversation with a longer last answer."""
    *before, (question, answer) = conversation.turns
    return replace(conversation, turns=(*before, (question, answer + tokens)))


def _at_once(deployment: Deployment, step: Step) -> bool:
    return step.phase == "prefill" and deployment.engine.facts.prompt_in_one_pass


def _at(deployment: Deployment, conversation: Conversation, step: Step, context: Number) -> Deployment:
    past = step.past if step.phase == "prefill" else 0
    workload = replace(
        deployment.workload, context_length=context, batch_size=conversation.users, phase=step.phase, past=past
    )
    return replace(deployment, workload=workload)


def _parts(step: Step, pieces: int) -> Iterator[Step]:
    tokens, count = step.context - step.past, min(pieces, step.context - step.past)
    ends = [step.past + tokens * part // count for part in range(count + 1)]
    for before, after in pairwise(ends):
        yield replace(step, past=before, context=after)


def _reached(deployment: Deployment, conversation: Conversation, step: Step, shared: Sharing, limit: int) -> Reached:
    over = _total(deployment, conversation, step, shared) - limit
    if _at_once(deployment, step) or deployment.engine.facts.allocates_whole_context:
        return Reached(step, step.past + 1, over)

    def fits(tokens: int) -> bool:
        part = replace(step, context=step.past + tokens)
        return _total(deployment, conversation, part, shared) <= limit

    held = largest(lambda tokens: tokens == 0 or fits(tokens), step.context - step.past)
    return Reached(step, step.past + held + 1, over)


def _total(deployment: Deployment, conversation: Conversation, step: Step, shared: Sharing) -> int:
    return event_of(deployment, conversation, step, shared).total
