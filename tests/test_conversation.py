"""A conversation turn by turn: measured peaks of later turns, and counts by hand."""

from dataclasses import replace

import pytest

from dashboard.parameters import DEFAULTS
from memory_model import InputError, Scenario
from memory_model.accuracy.measured import table
from memory_model.accuracy.transformers import measured_shape
from memory_model.conversation.cost import conversation_price, longer_answer, one_more_turn, turn_seconds
from memory_model.conversation.course import MOST_TURNS, Conversation, course, lengthened, tokens_left
from memory_model.conversation.kinds import conversation_kinds, read_kind
from memory_model.estimate import breakdown
from memory_model.prefix_sharing import saved, sharing
from memory_model.resolve import resolve
from memory_model.speed import at_context, seconds_per_token

TOKEN = 2 * 32 * 8 * 128 * 2
"""Bytes that Llama 3.1 8B keeps of one token in bf16: keys and values, 32 layers, 8 heads of 128."""
TURNS = table("transformers_turns.csv")
SHORT = Conversation(100, ((50, 200), (30, 100), (500, 7)))


def deployed(model="llama-3.1-8b", **keys):
    return resolve(Scenario(**({"model": model, "device": "rtx-4090", "weights": "fp8"} | keys)))


STATED = {"qwen3_next": 0.094, "mamba": 0.001}
"""Worst errors where a question follows on recurrent states; all other families are asserted equal, byte for byte."""


@pytest.mark.parametrize("config", sorted({row["config"] for row in TURNS}))
def test_the_peak_of_a_later_turn_is_what_was_measured(config):
    for row in (row for row in TURNS if row["config"] == config):
        past, new = int(row["past"]), int(row["new"])
        asked = Scenario(
            config, attention=row["attention"], phase="prefill", context_length=past + new, batch_size=int(row["batch"])
        )
        deployment = resolve(asked, measured_shape(config))
        memory = breakdown(replace(deployment, workload=replace(deployment.workload, past=past)))
        assert memory["kv_cache"].bytes == int(row["cache"]), row
        stated = STATED.get(measured_shape(config).modeling)
        peak = int(row["activations"])
        assert memory["activations"].bytes == (pytest.approx(peak, rel=stated) if stated else peak), row


def test_tokens_add_up():
    assert SHORT.tokens == 987
    assert [(step.turn, step.phase, step.past, step.context) for step in SHORT.steps()] == [
        (1, "prefill", 0, 150), (1, "decode", 150, 350),
        (2, "prefill", 350, 380), (2, "decode", 380, 480),
        (3, "prefill", 480, 980), (3, "decode", 980, 987),
    ]  # fmt: skip
    assert lengthened(SHORT, 13).tokens == 1000


def test_the_cache_grows_by_every_token_of_every_user():
    found = course(deployed(), replace(SHORT, users=3))
    assert [event.components["kv_cache"] for event in found.events] == [
        3 * TOKEN * tokens for tokens in (150, 350, 380, 480, 980, 987)
    ]
    assert found.peak.step.turn == 3 and found.peak.step.phase == "prefill"


def test_a_later_question_needs_less_than_the_whole_context_at_once():
    deployment = deployed()
    long = Conversation(0, ((20_000, 100), (50, 100)))
    first, _, second, _ = course(deployment, long).events  # sdpa copies keys and values to all heads behind a cache
    at_once = at_context(replace(deployment, workload=replace(deployment.workload, phase="prefill")), 20_150)
    assert second.components["activations"] < 0.15 * int(deployment.engine.activations(at_once).bytes)
    assert second.components["activations"] < 0.15 * first.components["activations"]


def test_an_answer_in_pieces_ends_alike():
    whole, pieces = course(deployed(), SHORT), course(deployed(), SHORT, pieces=5)
    assert len(pieces.events) == 3 * 6
    assert pieces.events[-1].components == whole.events[-1].components
    totals = [event.components["kv_cache"] for event in pieces.events]
    assert totals == sorted(totals)
    assert [event.step.context for event in pieces.events[1:6]] == [190, 230, 270, 310, 350]
    paged = course(deployed(engine="vllm"), SHORT, pieces=5)
    assert [event.step.context for event in paged.events[:5]] == [30, 60, 90, 120, 150]


@pytest.mark.parametrize("engine", ["transformers", "vllm"])
def test_the_limit_is_reached_at_the_first_token_that_does_not_fit(engine):
    deployment = deployed(engine=engine)
    long = Conversation(0, ((100, 200_000),))
    found = course(deployment, long)
    reached = found.reached
    assert reached.step.phase == "decode" and reached.over > 0

    def total(tokens):
        return course(deployment, Conversation(0, ((100, tokens - 100),))).events[-1].total

    assert total(reached.token - 1) <= found.limit < total(reached.token)
    assert tokens_left(deployment, found) == 0
    enough = course(deployment, Conversation(0, ((100, 1000),)))
    left = tokens_left(deployment, enough)
    assert 1100 + left == reached.token - 1
    assert total(1100 + left) <= found.limit < total(1101 + left)


def test_a_question_that_is_too_long_is_named():
    found = course(deployed(), Conversation(0, ((100, 100), (100_000, 10))))
    assert (found.reached.step.turn, found.reached.step.phase, found.reached.token) == (2, "prefill", 201)
    paged = course(deployed(engine="vllm"), Conversation(0, ((100, 100), (200_000, 10)))).reached
    assert paged.step.phase == "prefill" and 50_000 < paged.token < 200_000


def test_llama_cpp_takes_room_for_all_of_it_at_the_start():
    deployment = deployed(engine="llama.cpp", weights="q8_0")
    found = course(deployment, SHORT)
    assert len({event.total for event in found.events}) == 1
    memory = breakdown(at_context(replace(deployment, workload=replace(deployment.workload, phase="decode")), 987))
    assert found.events[0].total == memory.bytes
    assert found.events[0].kept_free == memory["kv_cache"].bytes - 256 * TOKEN
    assert found.events[-1].kept_free == 0


def test_a_static_cache_is_as_long_as_the_conversation():
    events = course(deployed(cache_implementation="static"), SHORT).events
    assert [event.components["kv_cache"] + event.kept_free for event in events] == [987 * TOKEN] * 6
    assert events[0].components["kv_cache"] == 150 * TOKEN


def test_a_shared_beginning_is_kept_once_by_vllm():
    """1,000 tokens are 62 whole blocks of 16; 9 of 10 copies are spared."""
    prompt = Conversation(1000, ((24, 100),), users=10, shared_prefix=True)
    deployment = deployed(engine="vllm")
    alone, shared = (course(deployment, replace(prompt, shared_prefix=share)) for share in (False, True))
    assert shared.sharing.tokens == 992
    spared = [a.total - b.total for a, b in zip(alone.events, shared.events, strict=True)]
    assert spared == [9 * 992 * TOKEN] * 2
    assert sum(turn_seconds(deployment, shared.conversation)) < sum(turn_seconds(deployment, alone.conversation))


def test_a_shared_beginning_in_cells_of_llama_cpp():
    prompt = Conversation(1024, ((128, 128),), users=4, shared_prefix=True)
    apart = sharing(deployed(engine="llama.cpp", weights="q8_0"), prompt.beginning)
    assert apart.tokens == 0 and "--kv-unified" in apart.note
    deployment = deployed(engine="llama.cpp", weights="q8_0", kv_unified=True)
    found = course(deployment, prompt)
    assert found.events[-1].components["kv_cache"] == TOKEN * (1024 + 4 * 256)


@pytest.mark.parametrize(
    "model,keys,words",
    [
        ("llama-3.1-8b", {"engine": "transformers"}, "keeps the beginning for every user"),
        ("qwen3-next-80b-a3b-instruct", {"engine": "vllm", "weights": "published"}, "recurrent states"),
    ],
)
def test_what_cannot_be_shared_is_said(model, keys, words):
    deployment = deployed(model, **keys)
    prompt = Conversation(1000, ((10, 10),), users=4, shared_prefix=True)
    found = sharing(deployment, prompt.beginning)
    assert found.tokens == 0 and words in found.note
    assert saved(deployment, prompt.beginning, found) == 0


def test_a_window_is_not_shared():
    """Gemma 3: only every sixth layer holds the whole past."""
    deployment = deployed("gemma-3-4b-it", engine="vllm", weights="published")
    prompt = Conversation(4096, ((10, 10),), users=2, shared_prefix=True)
    found = sharing(deployment, prompt.beginning)
    full = at_context(replace(deployment, workload=replace(deployment.workload, batch_size=1)), 4096)
    terms = [term for term in deployment.engine.kv_cache(full).terms if term.part == "full attention"]
    assert "window are counted for every user" in found.note
    assert saved(deployment, prompt.beginning, found) == sum(term.bytes for term in terms) > 0


def test_what_more_costs():
    deployment = deployed()
    found = course(deployment, SHORT)
    longer = longer_answer(deployment, found, 3, price_per_hour=1.8)
    assert longer.bytes == course(deployment, lengthened(SHORT, 3)).events[-1].total - found.events[-1].total
    steps = [seconds_per_token(at_context(deployment, 987 + more)) for more in (1, 2, 3)]
    assert longer.seconds == pytest.approx(sum(steps))
    assert longer.price == pytest.approx(longer.seconds * 1.8 / 3600)
    turn = one_more_turn(deployment, found)
    assert turn.bytes == pytest.approx(507 * TOKEN, rel=0.05) and turn.price is None
    assert conversation_price(deployment, SHORT, 3600) == pytest.approx(sum(turn_seconds(deployment, SHORT)))
    many = replace(SHORT, users=8)
    assert conversation_price(deployment, many, 3600) == pytest.approx(sum(turn_seconds(deployment, many)) / 8)
    nowhere = deployed(device="none")
    assert longer_answer(nowhere, course(nowhere, SHORT), 3, 1.0).seconds is None
    assert conversation_price(nowhere, SHORT, 1.0) is None and tokens_left(nowhere, course(nowhere, SHORT)) is None


@pytest.mark.parametrize(
    "keys,message",
    [
        ({"turns": ()}, f"turns: 0 is outside 1 to {MOST_TURNS}"),
        ({"turns": ((0, 5),)}, "turns: a question and an answer have at least one token"),
        ({"users": 0}, "users: 0 is outside 1 to 1,048,576"),
        ({"turns": ((2**30, 5),)}, "turns: 1,073,741,839 tokens in all are more than 1,073,741,824"),
    ],
)
def test_counts_out_of_range_are_refused(keys, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        Conversation(**({"system_prompt": 10, "turns": ((1, 1),)} | keys))


def test_the_kinds_to_start_from():
    kinds = conversation_kinds()
    assert list(kinds)[:4] == ["chat", "long-document", "coding-agent", "many-users"]
    assert kinds["long-document"].conversation().turns[:2] == ((100_100, 500), (100, 500))
    chat = kinds["chat"]
    assert all(DEFAULTS[f"conversation_{name}"] == getattr(chat, name) for name in ("turns", "question", "answer"))
    assert DEFAULTS["conversation_system_prompt"] == chat.system_prompt
    entry = {"name": "A", "words": "b", "system_prompt": 0, "turns": 1, "question": 1, "answer": 1}
    for change, message in (
        ({"turn": 2}, "a.yaml › x: unknown key 'turn'; did you mean turns"),
        ({"turns": "many"}, "a.yaml › x › turns: expected int, got 'many'"),
        ({"turns": True}, "a.yaml › x › turns: expected int, got True"),
    ):
        with pytest.raises(InputError, match=message.split(";")[0].replace("'", ".")):
            read_kind("x", entry | change, "a.yaml › x")
