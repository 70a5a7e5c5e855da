"""Stories: those of the repository can be told, and nothing in a story file is taken on trust."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.link import base, read_link, scenario_of, short_query
from dashboard.own_models import deployed
from dashboard.parameters import DEFAULTS
from dashboard.stories import Step, Story, find_story, read_story, recorded, spoken, written
from dashboard.story_files import keep, ready_texts
from memory_model import InputError, Scenario, resolve

APP = str(Path(__file__).parent.parent / "streamlit_app.py")
STORIES = list(ready_texts())


def test_three_stories_are_ready_before_any_that_are_added():
    assert STORIES[:3] == ["why-so-much-memory", "one-long-chat", "from-training-to-a-phone"]


@pytest.mark.parametrize("name", STORIES)
def test_every_step_runs_and_its_sentence_has_its_numbers(name: str):
    for step in find_story(name).steps:
        deployment = deployed(scenario_of({**DEFAULTS, **step.state}))
        said = spoken(step.say, deployment, "GiB")
        assert "$" not in said and len(said) > 20


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_written_and_read_back(name: str):
    story = find_story(name)
    assert read_story(written(story), "story") == story


def test_the_numbers_in_a_sentence_are_those_of_the_page():
    deployment = resolve(Scenario("llama-3.1-8b", device="h100-sxm-80gb", phase="decode"))
    assert (
        spoken("$model $weights $kv_cache $tokens", deployment, "GiB") == "Llama 3.1 8B 15.0 GiB 1.00 GiB 8,192 tokens"
    )


BAD = (
    ("[]", "expected name, about, start, steps; got list"),
    ("name: x", "steps is missing"),
    ("name: x\nsteps: []", "expected a list of 1 to 60 steps"),
    ("name: x\nsteps: [{title: a, say: b, picture: c}]", "steps[1]: unknown key 'picture'"),
    ("name: x\nsteps: [{title: a}]", "steps[1]: say is missing"),
    ("name: x\nsteps: [{title: a, say: b, view: secret}]", "steps[1] › view: unknown view 'secret'"),
    ("name: x\nsteps: [{title: a, say: $password}]", "steps[1] › say: unknown number 'password'"),
    ("name: x\nsteps: [{title: a, say: 5 $ each}]", "steps[1] › say: a $ stands before a name"),
    ("name: x\nsteps: [{title: a, say: '{0.__class__}', state: {model: /etc/passwd}}]", "state › model: unknown model"),
    ("name: x\nsteps: [{title: a, say: b, state: {context_length: -1}}]", "state › context_length: expected a whole number"),
    ("name: x\nsteps: [{title: a, say: b, state: {story: why-so-much-memory}}]", "state: unknown key 'story'"),
    ("name: x\nsteps: [{title: a, say: b, state: {batch_size: [1]}}]", "state › batch_size: expected one value, got list"),
    ("name: x\nsteps: [{title: a, say: " + "b" * 401 + "}]", "401 characters; at most 400"),
    ("name: x\nsteps: &a [{title: a, say: b}]", "anchors and aliases are not read"),
    ("name: x\nname: y\nsteps: [{title: a, say: b}]", "name stands twice"),
    ("x" * 70_000, "a story has at most 64 KiB"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_a_story_that_cannot_be_used_says_where_and_why(text: str, message: str):
    with pytest.raises(InputError) as caught:
        read_story(text, "mine.yaml")
    assert str(caught.value).startswith("mine.yaml") and message in str(caught.value)


def test_what_is_said_is_text_and_never_a_format_or_markup():
    story = read_story("name: x\nsteps: [{title: <b>a</b>, say: '{0.__class__} <script>'}]", "mine.yaml")
    deployment = resolve(Scenario("gpt2"))
    assert spoken(story.steps[0].say, deployment, "GiB") == "{0.__class__} <script>"


def test_a_recorded_step_shows_the_page_as_it_was():
    values = DEFAULTS | {"model": "gpt2", "batch_size": 3, "present": True, "unit": "GB"}
    step = recorded("memory", "A title", "It needs $total.", values)
    assert step == Step("memory", "A title", "It needs $total.", {"model": "gpt2", "batch_size": 3})
    assert read_story(written(Story("Mine", "Of mine.", (step,))), "x").steps == (step,)


def test_the_link_of_a_step_is_short_and_says_what_was_changed():
    step = find_story("why-so-much-memory").steps[3]
    values = {**DEFAULTS, **step.state, "story": "why-so-much-memory", "story_step": 4}
    assert short_query(values) == {"story": "why-so-much-memory", "story_step": "4"}
    changed = values | {"batch_size": 2}
    assert short_query(changed) == {"story": "why-so-much-memory", "story_step": "4", "batch_size": "2"}
    assert read_link(short_query(changed)) == (changed, [])


def test_a_link_to_a_step_past_the_last_opens_the_last_and_says_so():
    values, problems = read_link({"story": "why-so-much-memory", "story_step": "99"})
    assert values["story_step"] == len(find_story("why-so-much-memory").steps)
    assert [problem.split(":")[0] for problem in problems] == ["story_step in the link"]
    assert read_link({"story_step": "4"})[0]["story_step"] == 1


def test_a_link_to_an_unknown_story_opens_the_page_and_says_so():
    values, problems = read_link({"story": "story-0123456789ab", "model": "gpt2"})
    assert values == DEFAULTS | {"model": "gpt2"} and len(problems) == 1
    assert base({"story": "nothing"}) == DEFAULTS


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=30)
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


def test_the_steps_are_turned_by_buttons_and_the_picture_stays_at_the_end():
    app = opened(story="why-so-much-memory")
    assert app.session_state.context_length == 256
    app.button(key="story_next").click().run()
    assert (app.session_state.context_length, app.session_state.phase) == (8192, "prefill")
    app.button(key="story_back").click().run()
    assert app.session_state.context_length == 256 and app.button(key="story_back").disabled
    app.button(key="story_end").click().run()
    assert app.session_state.story == "" and app.session_state.context_length == 256
    assert not app.exception


def test_a_story_of_ones_own_plays_for_as_long_as_the_server_knows_it():
    name = keep("name: Mine\nsteps: [{title: Small, say: $model, state: {model: gpt2}}]")
    app = opened(story=name)
    assert app.session_state.model == "gpt2" and not app.warning and not app.exception
