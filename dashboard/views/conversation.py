"""Memory turn by turn: what a chat, a long document, an agent or many users keep, and when a device is full."""

from __future__ import annotations

import streamlit as st

from memory_model import InputError
from memory_model.conversation.course import MOST_TURNS, Conversation, Course, Event, course
from memory_model.conversation.kinds import ConversationKind, conversation_kinds
from memory_model.scenario import MOST_SEQUENCES, MOST_TOKENS

from ..charts.conversation import Bar, Mark, conversation_chart
from ..controls import Chosen
from ..figure import Row, text_size, theme
from ..figure import show as show_figure
from ..parameters import usual
from ..refusals import in_words
from ..theme import style
from ..wording import amount, count, plain
from . import conversation_cost

USES_SLIDERS = False
AXES = {"turns": "Turn by turn", "tokens": "Token by token"}
NUMBERS = (
    (
        "system_prompt",
        "System prompt",
        0,
        MOST_TOKENS,
        "Tokens of the system prompt: instructions and tools before the first turn.",
    ),
    ("document", "Document", 0, MOST_TOKENS, "Tokens pasted with the first question."),
    ("turns", "Turns", 1, MOST_TURNS, "Pairs of a question and an answer."),
    ("question", "Question", 1, MOST_TOKENS, "Tokens of each question, or of what a tool returns."),
    ("answer", "Answer", 1, MOST_TOKENS, "Tokens of each answer, thinking included."),
    ("users", "Users", 1, MOST_SEQUENCES, "Conversations like this at the same time."),
)
EDITED = tuple(number[0] for number in NUMBERS)
PIECES = 60
"""Bars of all answers together when every token has its width."""
READ, WRITTEN = "while the question of turn {turn:,} is read", "at the end of the answer of turn {turn:,}"


def show(chosen: Chosen) -> None:
    """The controls of the conversation, its chart, and what more of it costs; a room sees the kind and the chart."""
    _kinds()
    if not chosen.present:
        _numbers()
    try:
        conversation = _chosen_kind().conversation()
        found = course(chosen.deployment, conversation, pieces=_pieces(conversation))
    except InputError as error:
        st.error(plain(f"This conversation cannot be shown: {in_words(error)}"), icon=":material/error:")
        return
    _notes(chosen, found)
    _chart(chosen, found)
    if not chosen.present:
        conversation_cost.show(chosen, found)


def _kinds() -> None:
    kinds = conversation_kinds()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Kind of conversation",
            list(kinds),
            key="conversation_kind",
            persist_state="session",
            format_func=lambda id_: kinds[id_].name,
            required=True,
            on_change=_another_kind,
            help="Sets the numbers beside it, which are assumptions of use: change them to what your users do.",
        )
        st.segmented_control(
            "Drawn",
            list(AXES),
            key="conversation_axis",
            persist_state="session",
            format_func=AXES.__getitem__,
            required=True,
            help="Two bars for each turn, or bars as wide as their tokens.",
        )
        st.toggle(
            "Shared prompt",
            key="conversation_shared",
            persist_state="session",
            help="All users begin with the same system prompt; engines with a prefix cache keep it once.",
        )


def _numbers() -> None:
    with st.container(horizontal=True):
        for name, label, least, most, words in NUMBERS:
            st.number_input(
                label, least, most, key=f"conversation_{name}", persist_state="session", step=1, help=words, width=140
            )


def _another_kind() -> None:
    numbers = usual({"conversation_kind": st.session_state.conversation_kind})
    st.session_state.update(
        {key: numbers[key] for key in (*map("conversation_{}".format, EDITED), "conversation_shared")}
    )


def _chosen_kind() -> ConversationKind:
    kind = conversation_kinds()[st.session_state.conversation_kind]
    edited = {name: int(st.session_state[f"conversation_{name}"]) for name in EDITED}
    return ConversationKind(
        kind.id, kind.name, kind.words, shared_prefix=bool(st.session_state.conversation_shared), **edited
    )


def _pieces(conversation: Conversation) -> int:
    return 1 if st.session_state.conversation_axis == "turns" else max(1, PIECES // len(conversation.turns))


def _notes(chosen: Chosen, found: Course) -> None:
    """What the picture takes for granted, and what it cannot show."""
    deployment, conversation = chosen.deployment, found.conversation
    supported = deployment.model.max_position_embeddings
    if conversation.tokens > supported:
        st.warning(
            f"The conversation ends at {conversation.tokens:,} tokens; {plain(deployment.model.name)} was made for "
            f"{supported:,}.",
            icon=":material/warning:",
        )
    if found.limit is None:
        on_cpu = deployment.options.placement == "cpu"
        why = "All layers are on the CPU: this is host memory" if on_cpu else "No device is chosen in the side bar"
        st.info(f"{why}. There is no limit to reach, and no time.", icon=":material/memory:")
    if deployment.options.devices > 1:
        st.caption(f"Bytes are those of each of the {deployment.options.devices:,} GPUs.")
    if found.sharing.note:
        st.caption(plain(f"Shared prompt: {found.sharing.note}."))


def _chart(chosen: Chosen, found: Course) -> None:
    bars = [_bar(event) for event in found.events]
    device = chosen.deployment.device
    figure = conversation_chart(
        bars,
        axis=str(st.session_state.conversation_axis),
        unit=chosen.unit,
        limit=found.limit,
        device=device.name if device else "",
        mark=_mark(found),
        theme=theme(),
        size=text_size(chosen.present),
        room=chosen.present,
    )
    show_figure(
        figure,
        key="conversation_chart",
        title="Memory through the conversation",
        sentence=_sentence(chosen, found),
        rows=[_row(event) for event in found.events],
    )


def _bar(event: Event) -> Bar:
    step = event.step
    return Bar(step.turn, step.phase == "prefill", step.past, step.context, event.components, event.kept_free)


def _mark(found: Course) -> Mark | None:
    if found.reached is None:
        return None
    place = next(place for place, event in enumerate(found.events) if event.step == found.reached.step)
    words = f"<b>does not fit</b> from<br>turn {found.reached.step.turn:,}, token {found.reached.token:,}"
    return Mark(place, found.reached.token, words)


def _row(event: Event) -> Row:
    return {
        "turn": event.step.turn,
        "step": "question" if event.step.phase == "prefill" else "answer",
        "tokens before": event.step.past,
        "tokens after": event.step.context,
        **{f"{style(name).label}, bytes": size for name, size in event.components.items()},
        "kept for later, bytes": event.kept_free,
        "total, bytes": event.total,
    }


def _sentence(chosen: Chosen, found: Course) -> str:
    conversation, peak, last = found.conversation, found.peak, found.events[-1]
    users = "" if conversation.users == 1 else f" for each of {conversation.users:,} users"
    words = (
        f"{count(len(conversation.turns), 'turn')} {'ends' if len(conversation.turns) == 1 else 'end'} at {count(conversation.tokens, 'token')}{users}, when the cache "
        f"holds **{amount(last.components['kv_cache'], chosen.unit)}**. "
    )
    if any(event.kept_free for event in found.events):
        words += f"{plain(chosen.deployment.engine.facts.label)} takes room for the whole conversation when it starts: "
        words += f"**{amount(peak.total, chosen.unit)}** from the first token on"
    else:
        place = (READ if peak.step.phase == "prefill" else WRITTEN).format(turn=peak.step.turn)
        words += f"Most is needed {place}: **{amount(peak.total, chosen.unit)}**"
    return f"{words}{_verdict(chosen, found)}."


def _verdict(chosen: Chosen, found: Course) -> str:
    if found.limit is None or chosen.deployment.device is None:
        return ""
    device = plain(chosen.deployment.device.name)
    if found.reached is None:
        return f", which fits on {device} with {amount(found.limit - found.peak.total, chosen.unit)} free"
    step = found.reached.step
    if found.events[0].components["weights"] > found.limit:
        when = "the weights alone are too much"
    elif found.reached.token == 1:
        when = "the first question is too much already"
    else:
        place = "question" if step.phase == "prefill" else "answer"
        when = f"it is full in turn {step.turn:,}, in the {place}, at token {found.reached.token:,}"
    return f", over by {amount(found.peak.total - found.limit, chosen.unit)} on {device}: {when}"
