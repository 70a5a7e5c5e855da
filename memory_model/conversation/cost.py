"""What a conversation costs at least: time from bounds on the device, money from a price that the user states."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..deployment import Deployment
from ..prefix_sharing import sharing
from ..speed import answer_bound, at_context, price, seconds_per_token
from .course import Conversation, Course, event_of, lengthened


@dataclass(frozen=True, slots=True)
class More:
    """What comes on top at the end of a conversation."""

    bytes: int
    """For all users together, on one device."""
    seconds: float | None
    """At least, all users at once; None where the device's figures are not known."""
    price: float | None
    """For one user, at least; None without a stated price or a bound on time."""


def turn_seconds(deployment: Deployment, conversation: Conversation) -> tuple[float | None, ...]:
    """The least time of each turn, all users at once: its question read on top of what is kept, its answer written.

    A beginning that is kept once is read once; in the steps of decoding every user's attention reads it.
    """
    found: list[float | None] = []
    together, past = _for_users(deployment, conversation), sharing(deployment, conversation.beginning).tokens
    once = answer_bound(_for_users(deployment, conversation, 1), 1, prompt_tokens=past) if past else None
    unread = conversation.system_prompt - past
    for question, answer in conversation.turns:
        bound = answer_bound(together, answer, prompt_tokens=unread + question, past=past)
        before = once.seconds if once and not found else 0.0
        found.append(None if bound is None else before + bound.seconds)
        past, unread = past + unread + question + answer, 0
    return tuple(found)


def conversation_price(
    deployment: Deployment, conversation: Conversation, price_per_hour: float | None
) -> float | None:
    """The least price of the whole conversation for one user; None without a stated price or a bound on time."""
    known = [seconds for seconds in turn_seconds(deployment, conversation) if seconds is not None]
    if len(known) < len(conversation.turns):
        return None
    return _price(deployment, conversation, sum(known), price_per_hour)


def longer_answer(deployment: Deployment, found: Course, tokens: int, price_per_hour: float | None = None) -> More:
    """So many more tokens in the last answer."""
    conversation = found.conversation
    contexts = conversation.tokens + np.arange(1, tokens + 1, dtype=np.float64)
    together = at_context(_for_users(deployment, conversation), contexts)
    steps = seconds_per_token(together)
    seconds = None if steps is None else float(np.sum(np.broadcast_to(steps, contexts.shape)))
    return _more(deployment, found, lengthened(conversation, tokens), seconds, price_per_hour)


def one_more_turn(deployment: Deployment, found: Course, price_per_hour: float | None = None) -> More:
    """One more turn like the last one."""
    turns = found.conversation.turns
    longer = replace(found.conversation, turns=(*turns, turns[-1]))
    *_, last = turn_seconds(deployment, longer)
    return _more(deployment, found, longer, last, price_per_hour)


def _more(
    deployment: Deployment, found: Course, longer: Conversation, seconds: float | None, price_per_hour: float | None
) -> More:
    *_, last = longer.steps()
    added = event_of(deployment, longer, last, found.sharing).total - found.events[-1].total
    return More(added, seconds, _price(deployment, longer, seconds, price_per_hour))


def _price(
    deployment: Deployment, conversation: Conversation, seconds: float | None, price_per_hour: float | None
) -> float | None:
    if seconds is None or price_per_hour is None:
        return None
    return price(seconds, price_per_hour, deployment.options.devices) / conversation.users


def _for_users(deployment: Deployment, conversation: Conversation, users: int | None = None) -> Deployment:
    return replace(deployment, workload=replace(deployment.workload, batch_size=users or conversation.users))
